"""The report page: it is complete, and everything on it is escaped."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.reports import SCRIPT, a_source, a_traffic, facts

import pipeline.html_report
from pipeline.html_report.facts import MOST_LISTED, Failures, Source
from pipeline.html_report.render import report_page
from pipeline.model.summary import Resumed, Totals

CSS = (Path(pipeline.html_report.__file__).parent / "templates" / "report.css").read_text()


class Reader(HTMLParser):
    """A parser that collects the tags, the levels of the headings and the text of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.levels: list[int] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch(r"h\d", tag):
            self.levels.append(int(tag[1]))

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def test_every_section_says_what_it_is_for() -> None:
    """The page has the result, and every section has its content."""
    text = re.sub(r"\s+", " ", Reader(report_page(facts())).text)
    for said in (
        "40 products, 1 of 2 sources incomplete",
        "4 of at least 7 pages",
        "lame , pages 2-3, 7 and all after it: plain again (plain)",
        "shop was slowest: 75 % waiting for its own rate limit.",
        "7 and all after it plain again: plain",
        "99 records announced, 20 received",
        "shop 3 requests, at most 5 per second",
        "half within 250 ms, 95 % within 400 ms, slowest 400 ms",
        "3 prices in EUR: 1.0 to 5.0",
        "all 3.0",
        "shop:1 plain 1.50 EUR plain",
        "Page 2, record 5: plain",
        "retried",
        "timeout: 60",
    ):
        assert said in text, said


def test_a_complete_run_says_that_nothing_is_missing() -> None:
    """A complete run has no missing pages and no advice to resume."""
    whole = facts()
    totals = whole.totals
    page = report_page(
        facts(totals=type(totals)("complete", 20, 4.0, 1.0, ["shop"], {}, totals.started_at), sources=[a_source()],
              drawn=whole.drawn[:1], rejects=[], failures=[], last_errors={})
    )  # fmt: skip
    text = Reader(page).text
    assert "20 products from 1 source, nothing missing" in text
    assert "every source was read to its end" in text
    assert "--resume" not in text


def test_whatever_an_api_says_stays_text() -> None:
    """A script in titles, categories, currencies, errors, reasons, records or rules is escaped."""
    page = report_page(facts(SCRIPT))
    reader = Reader(page)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert reader.text.count("alert('boo')") > 10
    assert b"<script" not in page


def test_a_name_stays_text_in_charts_and_attributes() -> None:
    """The name of a source is escaped in charts and attributes."""
    page = report_page(facts(drawn=[Source(a_source('"><script>x'), a_traffic(), 1.0)]))
    assert "script" not in {tag for tag, _ in Reader(page).tags}


def test_nothing_is_loaded_and_nothing_may_run() -> None:
    """The page has no external addresses, and its policy permits only inline styles."""
    page = report_page(facts())
    tags = Reader(page).tags
    policy = next(attributes["content"] for tag, attributes in tags if tag == "meta" and "content" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert not re.findall(rb"https?://|url\(|@import", page)
    assert not [tag for tag, attributes in tags if "src" in attributes]


def test_headings_are_in_order_and_charts_have_names() -> None:
    """There is one first-level heading, no level is skipped, and each chart has an accessible name."""
    reader = Reader(report_page(facts()))
    assert reader.levels[0] == 1
    assert reader.levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(reader.levels, reader.levels[1:], strict=False))
    drawings = [attributes for tag, attributes in reader.tags if tag == "svg"]
    assert len(drawings) == 2 + 2 * 2 + 2 + 1 + 2
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in drawings)
    assert ("html", {"lang": "en"}) in reader.tags


def test_the_same_facts_give_the_same_page() -> None:
    """Rendering is deterministic."""
    assert report_page(facts()) == report_page(facts())


def test_a_run_that_asked_for_nothing_has_a_report() -> None:
    """A resumed run with nothing left to fetch has a report without charts."""
    idle = a_source(time=type(a_source().time)())
    page = report_page(
        facts(
            sources=[idle], drawn=[Source(idle, type(a_traffic())(1.0), 5.0)], samples=[], histograms=[], categories=[]
        )
    )
    assert "received no requests" in Reader(page).text


def test_of_a_thousand_sources_a_page_stays_small_and_says_what_it_left_out() -> None:
    """The charts are limited, all sources are listed, and long lists end with a count."""
    sources = [a_source(f"shop{number}") for number in range(1000)]
    drawn = [Source(source, a_traffic(), 5.0) for source in sources[:10]]
    failures = [Failures(f"shop{number}", "HTTP 503", "retry", 1, [1]) for number in range(1000)]
    page = report_page(facts(sources=sources, drawn=drawn, failures=failures))
    text = Reader(page).text
    assert len(page) < 1_500_000
    assert "The 10 of 1,000 sources that are incomplete or slowest." in text
    assert f"And {1000 - MOST_LISTED} more kinds" in text
    assert "shop999" in text


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio (WCAG 2.2) of two colours such as #14171b."""

    def luminance(color: str) -> float:
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(theme: int) -> None:
    """The contrast is at least 4.5 for text, including text on bars and bands, and 3 for graphics."""
    colors = dict(re.findall(r"--([\w-]+): (#\w{6})", CSS.split(":root")[theme + 1]))
    assert len(colors) >= 23
    texts = ("ink", "muted", "good", "fair", "bad")
    pairs = [(text, ground, 4.5) for text in texts for ground in ("paper", "raised")]
    times = ("network", "tokens", "retry-after", "backoff", "circuit", "channel", "normalizing")
    pairs += [("on-color", f"c-{name}", 4.5) for name in times] + [("muted", "c-band", 4.5)]
    drawn = ("ok", "throttled", "failed", "no-answer", "unusable", "price", "limit", *times)
    pairs += [(f"c-{name}", "paper", 3) for name in drawn]
    low = [(one, other) for one, other, least in pairs if _contrast(colors[one], colors[other]) < least]
    assert low == []


def test_the_first_screen_tells_what_is_not_as_expected() -> None:
    """Title and first screen show conflicts, prices, unmet expectations and what an earlier run fetched."""
    totals = Totals("partial", 20, 4.0, 1.0, ["shop"], {}, "2026-01-01T10:00:00Z", resumed=Resumed(7, 3600.0))
    source = a_source(status="partial", priced=1, duplicates=3, conflicting=2)
    problem = "1 of 20 products have a price"
    page = report_page(facts(totals=totals, sources=[source], problems=[("shop", problem)]))
    text = re.sub(r"\s+", " ", Reader(page).text)
    first = text[: text.index("Time spent")]
    for said in (
        "20 products, 1 of 1 source not as expected",
        "1 with a price",
        "2 duplicates with another price than the product",
        "7 records taken over from an earlier run, 60 min old",
        f"Not as expected 1 source shop : {problem}",
    ):
        assert said in first, said
    assert "nothing missing" not in text
    assert "✓" not in first


def test_resume_is_suggested_only_if_it_would_help() -> None:
    """Missing pages that a resumed run would not fetch come without that advice."""
    assert "--resume" in report_page(facts(resumable=True)).decode()
    assert "--resume" not in report_page(facts(resumable=False)).decode()
