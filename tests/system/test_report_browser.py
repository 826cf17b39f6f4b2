"""The report in headless Chromium: it is rendered, it fits the screen, and it loads nothing."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from helpers.reports import SCRIPT, facts, run, trouble, with_report
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from trio.testing import MockClock

from pipeline.html_report.drawing import draw

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and its driver: apt-get install chromium chromium-driver"
)

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --hide-scrollbars"
)
PHONE, DESK = 380, 1280
SECTIONS = ("sources", "missing", "coverage", "prices", "categories", "samples", "rejects", "coercions", "time",
            "requests", "latency", "failures", "origin", "configuration")  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def of_a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of a run with all kinds of faults."""
    folder = tmp_path_factory.mktemp("run")
    clock = MockClock(autojump_threshold=0)
    trio.run(partial(run, with_report(folder, "busy", "ill", "dead"), trouble()), clock=clock)
    return folder / "report.html"


@pytest.fixture(scope="module")
def of_everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report with hostile text in every section, and with words too long to fit a line."""
    path = tmp_path_factory.mktemp("everything") / "report.html"
    path.write_bytes(trio.run(draw, facts(f"{SCRIPT} \x1b\x00\uffff{'x' * 300}")))
    return path


@pytest.fixture(params=["of_a_run", "of_everything"])
def path(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def look(browser: Chrome, path: Path, *, width: int = DESK, dark: bool = False, media: str = "screen") -> None:
    """Open a page at a width, with empty browser logs."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(path.as_uri())


def sizes(browser: Chrome, selector: str) -> list[tuple[float, float]]:
    boxes = "[...document.querySelectorAll(arguments[0])].map(e => e.getBoundingClientRect())"
    found = browser.execute_script(f"return {boxes}.map(box => [box.width, box.height])", selector)
    return [(width, height) for width, height in found]


def style(browser: Chrome, name: str) -> Any:
    return browser.execute_script("return getComputedStyle(document.body)[arguments[0]]", name)


def test_it_asks_for_nothing_and_complains_of_nothing(browser: Chrome, path: Path) -> None:
    """The page is the only request, the console is empty, and no text of an API became a script."""
    look(browser, path)
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in messages if event["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert browser.execute_script("return document.scripts.length") == 0


@pytest.mark.parametrize("width", [PHONE, 768, DESK])
def test_nothing_is_wider_than_the_screen(browser: Chrome, path: Path, width: int) -> None:
    """The page does not scroll sideways at any width, even with all details open."""
    look(browser, path, width=width)
    browser.execute_script("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_section_and_chart_is_there_to_be_seen(browser: Chrome, path: Path, width: int) -> None:
    """Each section has a size; of a chart that is drawn for two widths, one is shown and fits the page."""
    look(browser, path, width=width)
    for section in SECTIONS:
        ((_, height),) = sizes(browser, f"#{section}")
        assert height > 40, section
        assert browser.execute_script("return document.querySelector(`#${arguments[0]} h2`).innerText.length", section)
    shown = [size for size in sizes(browser, "figure svg") if size != (0, 0)]
    assert len(shown) == len(sizes(browser, "figure")) >= 6
    assert all(100 < chart_width <= width and height > 30 for chart_width, height in shown)


def test_bars_have_the_colours_of_the_page(browser: Chrome, of_a_run: Path) -> None:
    """The colour variables in the charts are defined: no bar is black."""
    look(browser, of_a_run)
    bars = "[...document.querySelectorAll('#requests .wide .mark-rect path')]"
    colors = set(browser.execute_script(f"return {bars}.map(bar => getComputedStyle(bar).fill)"))
    assert {"rgb(0, 114, 178)", "rgb(176, 125, 0)", "rgb(179, 38, 30)", "rgb(74, 79, 87)"} <= colors
    assert "rgb(0, 0, 0)" not in colors


def test_it_is_dark_where_that_is_wanted(browser: Chrome, path: Path) -> None:
    """The dark scheme has a dark background and light text."""
    look(browser, path)
    light = style(browser, "backgroundColor"), style(browser, "color")
    look(browser, path, dark=True)
    assert light == ("rgb(255, 255, 255)", "rgb(22, 25, 29)")
    assert (style(browser, "backgroundColor"), style(browser, "color")) == ("rgb(20, 23, 27)", "rgb(236, 239, 243)")


def test_paper_is_white_and_wide(browser: Chrome, path: Path) -> None:
    """Print is light whatever the scheme of the screen, has the wide charts uncut, and opens what is folded."""
    look(browser, path, width=680, dark=True, media="print")
    assert style(browser, "backgroundColor") == "rgb(255, 255, 255)"
    assert set(sizes(browser, ".narrow")) == {(0, 0)}
    assert all(0 < width <= 680 for width, _ in sizes(browser, "figure .wide svg"))
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 680
    folded = "[...document.querySelectorAll('details:not([open]) pre')]"
    assert set(browser.execute_script(f"return {folded}.map(e => e.checkVisibility())")) == {True}
    assert sizes(browser, "nav") == [(0, 0)]
    assert browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
