"""A wall around each source: an exception that nobody foresaw ends that source and no other."""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, ClassVar

import pytest
import trio
from helpers.running import run_pipeline
from helpers.shops import Shop, by_cursor, by_page
from helpers.support import NO_JITTER, NO_TLS, FakeApi
from loguru import logger

import pipeline
from pipeline.config.endpoint import Endpoint, RateLimit
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import OutputError
from pipeline.fetch.account.ledger import Ledger
from pipeline.fetch.fetcher import Fetcher
from pipeline.fetch.http.client import Client
from pipeline.fetch.paging.numbered import NumberedPaginator
from pipeline.model.pages import LostPage, NormalizedPage, Page
from pipeline.model.status import Poll
from pipeline.normalize import normalizer
from pipeline.output.aggregator import Aggregator

pytestmark = pytest.mark.virtual_time

PACKAGE = str(Path(pipeline.__file__).parent)
ITEMS, SIZE = 14, 3
BROKEN = frozenset({3})  # this request fails, so that pages are deferred and retried

_in_damaged_source: ContextVar[bool] = ContextVar("_in_damaged_source", default=False)


class Foreign(Exception):  # noqa: N818 - as foreign as can be
    """An exception that no part of the program raises or expects."""


class Probe:
    """A profiler of the calls that are made for the damaged source; it can raise instead of one of them.

    ``place`` is the function that raises at its ``nth`` call, and again each time that a walk is closed or another page
    is normalized.
    """

    current: "ClassVar[Probe | None]" = None

    def __init__(self, place: str | None = None, nth: int = 1) -> None:
        self.calls: Counter[str] = Counter()
        self._place = place
        self._nth = nth

    @contextmanager
    def watching(self) -> Iterator[None]:
        Probe.current = self
        self.resume()
        try:
            yield
        finally:
            sys.setprofile(None)
            Probe.current = None

    def resume(self) -> None:
        sys.setprofile(self._profile)

    def _profile(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not _in_damaged_source.get():
            return
        place = _name(frame.f_code)
        if place is None or frame.f_lineno != frame.f_code.co_firstlineno or _is_journal(frame.f_back):
            return
        self.calls[place] += 1
        if place == self._place and self.calls[place] >= self._nth:
            raise Foreign("injected")  # which ends the profiling, until `resume`


def _name(code: CodeType) -> str | None:
    """The file and name of a public function or method of the package, None for other code."""
    file, name = code.co_filename.removeprefix(PACKAGE), code.co_qualname
    if file == code.co_filename or "/pipeline/journal/" in file or "<" in name or re.search(r"(^|\.)_[^_]", name):
        return None
    return f"{file[1:]}:{name}"


def _is_journal(caller: FrameType | None) -> bool:
    """True in the journal, which is shared by all sources: there a failure is an OutputError, which ends the run."""
    return caller is not None and "/pipeline/journal/" in caller.f_code.co_filename


def _marked(function: Callable[..., Any], is_damaged: Callable[..., bool]) -> Callable[..., Any]:
    """The function, marked as working for the damaged source if its first argument does."""

    @wraps(function)
    def marked(first: Any, *arguments: Any, **options: Any) -> Any:
        if Probe.current:
            Probe.current.resume()
        token = _in_damaged_source.set(_in_damaged_source.get() or is_damaged(first, *arguments))
        try:
            return function(first, *arguments, **options)
        finally:
            _in_damaged_source.reset(token)

    @wraps(function)
    async def marked_coroutine(first: Any, *arguments: Any, **options: Any) -> Any:
        _in_damaged_source.set(is_damaged(first, *arguments))
        return await function(first, *arguments, **options)

    return marked_coroutine if function is _run else marked


_run = Fetcher.run


@pytest.fixture(autouse=True)
def _marks(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_fetcher(fetcher: Fetcher, *arguments: Any) -> bool:
        endpoint = arguments[0] if arguments and isinstance(arguments[0], ResolvedEndpoint) else fetcher._endpoint
        return endpoint.name == "damaged"

    for name in ("__init__", "run", "interrupt", "result"):
        monkeypatch.setattr(Fetcher, name, _marked(getattr(Fetcher, name), of_fetcher))
    monkeypatch.setattr(
        normalizer, "normalize_page", _marked(normalizer.normalize_page, lambda page, *_: page.source == "damaged")
    )
    monkeypatch.setattr(Aggregator, "add", _marked(Aggregator.add, lambda _, page: page.source == "damaged"))


async def normalize_inline(batch: Sequence[Page]) -> Sequence[NormalizedPage | LostPage]:
    await trio.lowlevel.checkpoint()
    return normalizer.normalize_separately(batch)


NUMBERED, CHAINED = Paging(style=PagingStyle.PAGE), Paging(style=PagingStyle.AUTO)


async def run(folder: Path, paging: Paging, probe: Probe) -> dict[str, Any]:
    """The summary of a run over the damaged source and two others."""

    def connect(endpoint: ResolvedEndpoint) -> Client:
        server = by_cursor if endpoint.paging == CHAINED else by_page
        shop = Shop(server, ITEMS, SIZE, BROKEN)
        shop.items = [{**item, "price": "1.50"} for item in shop.items]
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=shop)

    def source(name: str, paging: Paging) -> Endpoint:
        return Endpoint(name=name, url=f"http://{name}.test/api/products?lang=en", paging=paging)

    config = Config(
        output=str(folder / "s.json"),
        retry=NO_JITTER,
        rate_limit=RateLimit(rps=0, concurrency=3),
        endpoints=(source("first", NUMBERED), source("damaged", paging), source("last", CHAINED)),
    )
    with probe.watching():
        summary = await run_pipeline(config, connect=connect, dispatch=normalize_inline)
    document: dict[str, Any] = json.loads((folder / "s.json").read_bytes())
    assert document["summary"]["status"] == summary.summary.status
    return document


def products(document: dict[str, Any], name: str) -> list[str]:
    return [product["id"] for product in document["products"] if product["source"] == name]


def source(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document["sources"] if each["name"] == name)
    return found


def check(document: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    """The other sources are untouched, and the damaged one has its cause and lists what it lacks."""
    for name in ("first", "last"):
        assert products(document, name) == products(undisturbed, name)
        assert source(document, name)["status"] == "complete"
    damaged, wanted = products(document, "damaged"), products(undisturbed, "damaged")
    report = source(document, "damaged")
    assert len(set(damaged)) == len(damaged)
    assert set(damaged) <= set(wanted)
    onward = report["missing_from"] or ITEMS
    named = {id_ for page in report["pages_missing"] for id_ in wanted[(page - 1) * SIZE : page * SIZE]}
    silent = set(wanted[: (onward - 1) * SIZE]) - named - set(damaged)
    assert len(silent) <= report["rejected"], f"silently lost: {silent}"
    if damaged != wanted:
        assert report["status"] != "complete" or report["rejected"]
        causes = json.dumps([error for error in document["errors"] if error["source"] == "damaged"])
        assert "injected" in causes or "Foreign" in causes
    assert document["summary"]["status"] == ("complete" if report["status"] == "complete" else "partial")


@pytest.mark.parametrize(("paging", "nth"), [(NUMBERED, 1), (NUMBERED, 3), (CHAINED, 2)])
async def test_a_foreign_exception_at_any_place_ends_only_its_source(tmp_path: Path, paging: Paging, nth: int) -> None:
    """Whatever function below a fetcher or a normalizing hop raises, the other sources deliver what they have."""
    undisturbed = Probe()
    expected = await run(tmp_path, paging, undisturbed)
    assert {each["status"] for each in expected["sources"]} == {"complete"}
    places = [place for place, calls in undisturbed.calls.items() if calls >= nth]
    assert len(places) > 50
    problems = []
    for place in places:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        try:
            check(await run(folder, paging, Probe(place, nth)), expected)
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - all places are listed together
            problems.append(f"{place}: {error!r}")
    assert not problems, "\n".join(problems)


async def run_shop(folder: Path, api: FakeApi | None = None, **options: Any) -> dict[str, Any]:
    """The summary of a run over one source, with four pages by default."""

    def connect(endpoint: ResolvedEndpoint) -> Client:
        return Client(endpoint.url, endpoint.http, ssl_context=NO_TLS, transport=api or FakeApi(pages=4))

    shop = Endpoint(name="shop", url="http://shop.test/products?key=${KEY}", paging=NUMBERED)
    config = Config(output=str(folder / "s.json"), retry=NO_JITTER, rate_limit=RateLimit(rps=0), endpoints=(shop,))
    await run_pipeline(
        config, connect=connect, environ={"KEY": "s3cret-key"}, **{"dispatch": normalize_inline, **options}
    )
    document: dict[str, Any] = json.loads((folder / "s.json").read_bytes())
    return document


def at_pages(numbers: Container[int], original: Callable[..., Any], text: str = "a bug") -> Callable[..., Any]:
    """The method, but an exception for these pages."""

    def broken(self: Any, *arguments: Any, **options: Any) -> Any:
        if getattr(self, "page", getattr(self, "number", 0)) in numbers:
            raise ValueError(text)
        return original(self, *arguments, **options)

    return broken


async def test_the_cause_and_the_place_are_in_the_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that a mistake ends has its pages so far, and the exception without secrets as the reason."""
    monkeypatch.setattr(
        NumberedPaginator, "page_arrived", at_pages({3}, NumberedPaginator.page_arrived, "a bug with s3cret-key\x1b")
    )
    lines: list[str] = []
    logger.enable("pipeline")
    handler = logger.add(lines.append, level="DEBUG", format="{level} {message}")
    document = await run_shop(tmp_path)
    logger.remove(handler)
    assert "Traceback" in next(line for line in lines if line.startswith("DEBUG internal error"))
    (shop,) = document["sources"]
    assert (shop["status"], shop["pages_fetched"], shop["missing_from"], shop["products"]) == ("partial", 2, 3, 6)
    (gap,) = shop["gaps"]
    cause = r"internal error: ValueError\('a bug with \$\{KEY\}\\x1b'\) in fetch/page_walk\.py:\d+; please report it"
    assert re.fullmatch(cause, gap["reason"])
    assert [(error["page"], error["action"]) for error in document["errors"]] == [(3, "skip")]
    assert document["errors"][0]["error"] == gap["reason"]


async def test_the_pages_before_the_exception_are_awaited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages in flight before the one that raises still arrive, and so do those after it that came earlier."""
    succeeded = Ledger.attempt_succeeded

    def broken(self: Ledger, page: int, *arguments: Any) -> None:
        if page == 3:
            raise ValueError("a bug")
        succeeded(self, page, *arguments)

    monkeypatch.setattr(Ledger, "attempt_succeeded", broken)
    (shop,) = (await run_shop(tmp_path, FakeApi(pages=4, latency=1, script={2: [5.0]})))["sources"]
    assert (shop["status"], shop["pages_fetched"], shop["pages_missing"], shop["products"]) == ("partial", 3, [3, 5], 9)


async def test_a_page_that_cannot_be_normalized_is_missing_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in the normalizer costs the pages in which it occurs, which a resumed run fetches again."""
    with monkeypatch.context() as patch:
        patch.setattr(normalizer, "normalize_page", at_pages({2, 4}, normalizer.normalize_page))
        (shop,) = (await run_shop(tmp_path))["sources"]
    assert (shop["status"], shop["pages_fetched"], shop["pages_missing"], shop["products"]) == ("partial", 2, [2, 4], 6)
    assert [gap["pages"] for gap in shop["gaps"]] == [[2, 4]]
    assert re.match(r"internal error: ValueError\('a bug'\) in normalize/normalizer\.py:\d+", shop["gaps"][0]["reason"])
    (shop,) = (await run_shop(tmp_path, resume=True))["sources"]
    assert (shop["status"], shop["pages_fetched"], shop["products"]) == ("complete", 4, 12)


async def test_a_page_that_cannot_be_journaled_is_missing_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake after the normalizer costs one page, too; the journal that cannot be written ends the run."""
    add = Aggregator.add

    def broken(self: Aggregator, page: NormalizedPage) -> None:
        if page.number == 2:
            raise error
        add(self, page)

    monkeypatch.setattr(Aggregator, "add", broken)
    error: Exception = KeyError("token")
    (shop,) = (await run_shop(tmp_path))["sources"]
    assert (shop["status"], shop["pages_missing"], shop["products"]) == ("partial", [2], 9)
    error = OutputError("the disk is full")
    with pytest.raises(OutputError):
        await run_shop(tmp_path)


async def test_a_fetcher_that_cannot_be_made_fails_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that cannot even begin is failed, with its cause."""
    monkeypatch.setattr(Fetcher, "__init__", at_pages({0}, Fetcher.__init__))
    document = await run_shop(tmp_path)
    (shop,) = document["sources"]
    assert (shop["status"], shop["missing_from"]) == ("failed", 1)
    assert "ValueError('a bug')" in shop["gaps"][0]["reason"]


async def test_the_view_survives_a_status_that_cannot_be_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The live view shows less of a source whose status raises; the run goes on."""
    seen: list[str] = []

    async def watch(poll: Poll) -> None:
        seen.extend(status.source for status in poll().endpoints)
        await trio.sleep_forever()

    monkeypatch.setattr(Fetcher, "status", at_pages({0}, Fetcher.status))
    (shop,) = (await run_shop(tmp_path, watch=watch))["sources"]
    assert (seen, shop["status"]) == (["shop"], "complete")
