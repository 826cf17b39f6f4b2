"""The report page: it is complete, and everything on it is escaped."""

import itertools
import math
import operator
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.reports import SCRIPT, a_source, a_traffic, facts

import pipeline.html_report
from pipeline.html_report.facts import MOST_LISTED, Failures, Source
from pipeline.html_report.origin import Origin
from pipeline.html_report.page_text import changed, share
from pipeline.html_report.render import report_page
from pipeline.model.changes import Changes, SourceChanges
from pipeline.model.metrics import Activity
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
        "shop 20 100 % 95 % 50 % 0 %",
        "shop:1 1.50 EUR none",
        "plain 3 lame page 2 retried",
        "command pipeline --set note=plain",
        "files summary",
        "timeout: 60",
        "shop 3 1 2 0 2",
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
    failures = [
        Failures(f"HTTP {number}", 1, ["retry"], {f"shop{n}": [1] for n in range(1000)}) for number in range(1000)
    ]
    page = report_page(facts(sources=sources, drawn=drawn, failures=failures))
    text = Reader(page).text
    assert len(page) < 1_500_000
    assert "The 10 of 1,000 sources that are incomplete or slowest." in text
    assert f"And {1000 - MOST_LISTED} more reasons" in text
    assert "shop3 page 1 and 996 more sources" in re.sub(r"\s+", " ", text)
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
    texts = ("ink", "muted", "good", "fair", "bad", "link")
    pairs = [(text, ground, 4.5) for text in texts for ground in ("paper", "raised")]
    times = ("network", "tokens", "retry-after", "backoff", "circuit", "channel", "normalizing")
    pairs += [("on-color", f"c-{name}", 4.5) for name in times] + [("muted", "c-band", 4.5)]
    drawn = ("ok", "throttled", "failed", "no-answer", "unusable", "price", "limit", *times)
    pairs += [(f"c-{name}", "paper", 3) for name in drawn]
    low = [(one, other) for one, other, least in pairs if _contrast(colors[one], colors[other]) < least]
    assert low == []


# The red, green and blue light that is left for people with full colour vision, and without cones for long, middle and
# short waves (Machado, Oliveira and Fernandes, 2009).
_VISION = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


def _oklab(color: str, vision: str) -> tuple[float, float, float]:
    """Return a colour in Oklab (Ottosson, 2020), times 100, as a person with this vision sees it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    light = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    red, green, blue = (min(1.0, max(0.0, sum(map(operator.mul, weights, light)))) for weights in _VISION[vision])
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        100 * (0.2104542553 * long + 0.793617785 * middle - 0.0040720468 * short),
        100 * (1.9779984951 * long - 2.428592205 * middle + 0.4505937099 * short),
        100 * (0.0259040371 * long + 0.7827717662 * middle - 0.808675766 * short),
    )


@pytest.mark.parametrize("vision", _VISION)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_parts_of_the_time_differ_for_the_colour_blind(theme: int, vision: str) -> None:
    """Any two colours of the time chart are at least 8 apart in Oklab; 2 is the least difference that is seen."""
    colors = dict(re.findall(r"--c-([\w-]+): (#\w{6})", CSS.split(":root")[theme + 1]))
    seen = [_oklab(colors[activity.value.replace("_", "-")], vision) for activity in Activity]
    assert min(math.dist(one, other) for one, other in itertools.combinations(seen, 2)) >= 8


def test_the_first_screen_tells_what_is_not_as_expected() -> None:
    """Title and first screen show conflicts, prices, unmet expectations and what an earlier run fetched."""
    totals = Totals("partial", 20, 4.0, 1.0, ["shop"], {}, "2026-01-01T10:00:00Z", resumed=Resumed(7, 3600.0))
    source = a_source(status="partial", priced=1, duplicates=3, conflicting=2)
    problem = "1 of 20 products have a price"
    page = report_page(facts(totals=totals, sources=[source], problems=[("shop", problem)]))
    text = re.sub(r"\s+", " ", Reader(page).text)
    first = text[: text.index("Catalogue sources")]
    for said in (
        "20 products, 1 of 1 source not as expected",
        "With a price 1 (5 %)",
        "2 duplicates with another price than the product",
        "7 records taken over from an earlier run, 60 min old",
        f"Not as expected 1 source shop : {problem}",
    ):
        assert said in first, said
    assert "nothing missing" not in text
    assert "✓" not in first


def test_a_source_that_was_not_fetched_is_marked() -> None:
    """The row of a source that was taken over names the run that its numbers are of, and the others do not."""
    sources = [a_source(taken_over=True), a_source(name="other")]
    page = report_page(facts(sources=sources, drawn=[Source(source, a_traffic(), 1.0) for source in sources]))
    text = re.sub(r"\s+", " ", Reader(page).text)
    assert text.count("in an earlier run") == 1


def test_the_contents_lead_to_every_section() -> None:
    """Each anchor of the contents is a section of the page, in the same order, and each section is in the contents."""
    bare = facts(
        sources=[a_source()], drawn=[], samples=[], histograms=[], categories=[], coercions=[], failures=[],
        coverage={}, changed=None,
    )  # fmt: skip
    full = facts(sources=[a_source(conflicting=1)], problems=[("shop", "few")])
    for page in map(report_page, (bare, facts(), full)):
        tags = Reader(page).tags
        sections = [attributes["id"] for tag, attributes in tags if tag == "section"]
        nav = page.decode().partition("<nav")[2].partition("</nav>")[0]
        assert re.findall(r'href="#(\w+)"', nav) == sections


def test_the_catalogue_comes_before_the_operation() -> None:
    """The first sections and figures are those that an analyst asks for."""
    page = report_page(facts(problems=[("shop", "few")])).decode()
    order = ["Products", "With a price", "Changed", "Missing", "Not as expected", "Run time"]
    assert re.findall(r"<dt>(.*?)</dt>", page) == order
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings.index("Sample products") < headings.index("Time spent") < headings.index("Failures")


def test_counts_of_changes_that_no_source_knows_are_left_out() -> None:
    """A number that is not known is not shown as 0."""
    partly = Changes(
        [SourceChanges("a", True, "partial", None, 2, 7), SourceChanges("b", True, None, None, None, 1)], {}
    )
    assert changed(partly) == "2 removed, 8 changed"
    assert changed(Changes([SourceChanges("a", False, "no summary", None, None, None)], {})) == "not comparable"


def test_files_are_links_without_a_script_or_a_scheme() -> None:
    """A link is relative, so that the folder can be moved."""
    page = report_page(facts(origin=Origin("pipeline", {"summary": "summary.json", "products": "../p%20q.csv"})))
    links = {attributes["href"] for tag, attributes in Reader(page).tags if tag == "a"}
    assert {"summary.json", "../p%20q.csv"} <= links
    assert all(link and (link.startswith("#") or ":" not in link) for link in links)


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 7, "0 %"),
        (7, 7, "100 %"),
        (1, 100_000, "0.1 %"),
        (99_999, 100_000, "99.9 %"),
        (1, 8, "12.5 %"),
        (0, 0, "0 %"),
    ],
)
def test_only_all_is_a_hundred_percent(part: int, whole: int, text: str) -> None:
    """Rounding shows neither a few missing fields as none nor a few present ones as none."""
    assert share(part, whole) == text


def test_resume_is_suggested_only_if_it_would_help() -> None:
    """Missing pages that a resumed run would not fetch come without that advice."""
    assert "--resume" in report_page(facts(resumable=True)).decode()
    assert "--resume" not in report_page(facts(resumable=False)).decode()
