"""Page numbers: the order of requests, deferred pages, and the end of the walk."""

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import FetchError, NoRecordsError, PermanentError
from pipeline.fetch.content.response import FetchedPage, Response
from pipeline.fetch.paging.loop_detector import LoopDetector
from pipeline.fetch.paging.numbered import IGNORES_PAGE, MAX_FAILURES_IN_A_ROW, NumberedPaginator
from pipeline.fetch.paging.paginator import Ending, Fate
from pipeline.fetch.paging.styles import PageNumber
from pipeline.model.pages import NOTHING_YET, Progress
from pipeline.normalize.normalizer import DEFAULT_READER

PAGE = Paging(style=PagingStyle.PAGE)
BROKEN = PermanentError("malformed JSON")


def begin(resumed: Progress = NOTHING_YET, paging: Paging = PAGE) -> NumberedPaginator:
    detector = LoopDetector(DEFAULT_READER.identify, resumed.fingerprints)
    return NumberedPaginator(PageNumber(paging), paging, detector, resumed=resumed)


def page_of(*ids: int, **more: object) -> FetchedPage:
    body = msgspec.json.encode({"items": [{"id": number} for number in ids], **more})
    raws = [msgspec.Raw(msgspec.json.encode({"id": number})) for number in ids]
    return FetchedPage(raws, Response(200, {}, body, "http://shop.test/products?page=1"), 0.1, "items")


def requests(pages: NumberedPaginator, most: int = 1) -> list[Mapping[str, str]]:
    return [request.parameters for request in pages.next_requests(most)[0]]


def fingerprint_of(page: FetchedPage) -> int:
    detector = LoopDetector(DEFAULT_READER.identify)
    detector.compare(1, page.records)
    assert detector.fingerprint is not None
    return detector.fingerprint


def refused(code: int) -> FetchError:
    return PermanentError(f"HTTP {code}", code=code)


def test_a_walk_starts_at_page_one_and_counts_up() -> None:
    """The pages that are requested are 1, 2, 3, …"""
    pages = begin()
    asked = []
    for number in range(4):
        asked += requests(pages)
        assert pages.page_arrived(page_of(number)) is Fate.FETCHED
    assert asked == [{"page": "1"}, {"page": "2"}, {"page": "3"}, {"page": "4"}]
    assert (pages.page, pages.ending) == (5, None)


@pytest.mark.parametrize("before", [0, 1, 3])
def test_an_empty_page_is_the_end(before: int) -> None:
    """A page without records ends the walk, page 1 like any other."""
    pages = begin()
    for number in range(before):
        pages.page_arrived(page_of(number))
    assert pages.page_arrived(page_of()) is Fate.DROPPED
    assert (pages.ending, pages.end) == (Ending.END, before + 1)


def test_page_1_again_as_page_2_is_the_end_with_a_remark() -> None:
    """A server that ignores the page has one page, and the log says how to save the request."""
    pages = begin()
    pages.page_arrived(page_of(1, 2))
    assert pages.page_arrived(page_of(1, 2)) is Fate.DROPPED
    assert (pages.ending, pages.end, pages.remark) == (Ending.END, 2, IGNORES_PAGE)
    assert "paging: none" in IGNORES_PAGE


def test_the_preceding_page_again_is_the_end() -> None:
    """A server that repeats its last page has no more pages; this needs no remark."""
    pages = begin()
    for ids in ((1, 2), (3,)):
        pages.page_arrived(page_of(*ids))
    assert pages.page_arrived(page_of(3)) is Fate.DROPPED
    assert (pages.ending, pages.end, pages.remark) == (Ending.END, 3, None)


def test_an_earlier_page_again_is_a_loop() -> None:
    """The walk stays on the repetition."""
    pages = begin()
    for ids in ((1, 2), (3, 4)):
        pages.page_arrived(page_of(*ids))
    assert pages.page_arrived(page_of(1, 2)) is Fate.REPEATED
    assert (pages.ending, pages.page, pages.end) == (Ending.LOOP, 3, None)


def test_the_preceding_page_again_is_a_loop_if_more_is_announced() -> None:
    """A repetition before the announced end hides the rest."""
    pages = begin()
    pages.page_arrived(page_of(1, 2, total=10))
    assert pages.page_arrived(page_of(1, 2, total=10)) is Fate.REPEATED
    assert (pages.ending, pages.missing()) == (Ending.LOOP, ([2, 3, 4, 5], False))


def test_a_repetition_is_found_across_a_failed_page() -> None:
    """A page between the two that failed does not hide the repetition."""
    pages = begin()
    pages.page_arrived(page_of(1, 2))
    assert pages.page_failed(BROKEN) is Fate.DEFERRED
    assert pages.page_arrived(page_of(1, 2)) in (Fate.DROPPED, Fate.REPEATED)


def test_a_walk_continues_after_a_failed_page() -> None:
    """A page that failed is requested once more at the end, and is missing if it fails again."""
    pages = begin()
    assert pages.page_failed(BROKEN) is Fate.DEFERRED
    assert requests(pages) == [{"page": "2"}]
    pages.page_arrived(page_of(1))
    assert pages.page_arrived(page_of()) is Fate.DROPPED
    assert requests(pages) == [{"page": "1"}]
    assert pages.next_requests(1)[0][0].again
    assert pages.page_failed(BROKEN) is Fate.SKIPPED
    assert pages.ending is Ending.END


def test_a_deferred_page_that_repeats_the_page_before_it_stays_missing() -> None:
    """Pages after it have arrived, so the repetition is not the end of the endpoint."""
    pages = begin()
    pages.page_arrived(page_of(1, 2))
    assert pages.page_failed(BROKEN) is Fate.DEFERRED
    pages.page_arrived(page_of(5, 6))
    assert pages.page_arrived(page_of()) is Fate.DROPPED
    assert requests(pages) == [{"page": "2"}]
    assert pages.page_arrived(page_of(1, 2)) is Fate.REPEATED


def test_three_failed_pages_in_a_row_end_the_walk() -> None:
    """An endpoint that returns no page is left alone, and the walk stays on the last page it tried."""
    pages = begin()
    assert [pages.page_failed(BROKEN) for _ in range(3)] == [Fate.DEFERRED] * 3
    assert (pages.ending, pages.page) == (Ending.LOST, MAX_FAILURES_IN_A_ROW)


def test_a_page_that_arrives_ends_a_row_of_failures() -> None:
    """Only failures in a row count, however many there are in all."""
    pages = begin()
    for number in range(10):
        pages.page_failed(BROKEN)
        pages.page_failed(BROKEN)
        assert pages.page_arrived(page_of(number)) is Fate.FETCHED
    assert (pages.page, pages.ending) == (31, None)


def test_an_empty_page_before_the_announced_end_is_deferred() -> None:
    """It is requested once more at the end of the walk, and counts if it has records then."""
    pages = begin()
    pages.page_arrived(page_of(1, 2, total=6))
    assert pages.page_arrived(page_of(total=6)) is Fate.DEFERRED
    assert pages.page_arrived(page_of(5, 6, total=6)) is Fate.FETCHED
    assert pages.page_arrived(page_of(total=6)) is Fate.DROPPED
    assert requests(pages) == [{"page": "2"}]
    assert pages.page_arrived(page_of(3, 4, total=6)) is Fate.FETCHED
    assert (pages.ending, pages.walked.records) == (Ending.END, 6)


@pytest.mark.parametrize("ids", [(), (3, 30)], ids=["empty", "the preceding page again"])
def test_a_page_before_one_of_an_earlier_run_is_not_the_end(ids: tuple[int, ...]) -> None:
    """The earlier run fetched page 6, so pages after an empty or repeated page 4 are requested nevertheless."""
    have = frozenset({1, 2, 3, 5, 6})
    known = {page: fingerprint_of(page_of(page, 10 * page)) for page in have}
    pages = begin(Progress(have, fingerprints=known, records={1: 10}))
    assert pages.page_arrived(page_of(*ids)) is Fate.DEFERRED
    assert requests(pages) == [{"page": "7"}]
    assert pages.page_arrived(page_of(7, 70)) is Fate.FETCHED
    assert pages.page_arrived(page_of()) is Fate.DROPPED
    assert requests(pages) == [{"page": "4"}]
    assert pages.page_arrived(page_of(4, 40)) is Fate.FETCHED
    assert pages.ending is Ending.END


def test_pages_up_to_the_announced_end_are_requested_at_once_and_one_more() -> None:
    """The page after the announced end shows that this is the end."""
    pages = begin()
    assert pages.next_requests(9)[1] is False
    pages.page_arrived(page_of(1, 2, total=6))
    assert requests(pages, 9) == [{"page": str(number)} for number in (2, 3, 4)]
    assert pages.next_requests(9)[1] is True


def test_no_page_after_the_announced_end_is_requested_if_pages_name_the_next_one() -> None:
    """The last page says that it is the last, so that no request is needed to find out."""
    pages = begin()
    pages.page_arrived(page_of(1, 2, total=6, next=2))
    assert requests(pages, 9) == [{"page": "2"}, {"page": "3"}]


def test_a_body_without_a_list_after_everything_came_is_the_end() -> None:
    """A message in place of records is no failure once all announced records arrived."""
    pages = begin()
    pages.page_arrived(page_of(1, 2, total=2))
    assert pages.page_failed(NoRecordsError("no list")) is Fate.DROPPED
    assert pages.ending is Ending.END


def test_a_page_that_arrived_early_counts() -> None:
    """A page that arrived before its turn is new, empty, or a repetition."""
    pages = begin()
    pages.page_arrived(page_of(1, 2))
    assert pages.page_arrived_early(4, page_of(7, 8)) is Fate.FETCHED
    assert pages.page_arrived_early(5, page_of()) is Fate.DROPPED
    assert pages.page_arrived_early(6, page_of(1, 2)) is Fate.REPEATED
    assert 4 not in pages.missing()[0]


@given(
    count=st.integers(0, 12),
    failing=st.dictionaries(st.integers(1, 12), st.integers(1, 3)),
    code=st.sampled_from([None, 403, 404, 400]),
    have=st.frozensets(st.integers(1, 12)),
    knows_end=st.booleans(),
    past_end=st.sampled_from(["empty", "404", "last"]),
    announces=st.booleans(),
)
def test_every_page_is_fetched_or_missing_and_never_both(
    count: int,
    failing: dict[int, int],
    code: int | None,
    have: frozenset[int],
    *,
    knows_end: bool,
    past_end: str,
    announces: bool,
) -> None:
    """The pages are requested in order, those that failed once more at the end, and those of an earlier run never."""
    have = frozenset(page for page in have if page <= count)
    known = {page: fingerprint_of(page_of(2 * page, 2 * page + 1)) for page in have}
    pages = begin(Progress(have, count + 1 if knows_end else None, fingerprints=known, records=dict.fromkeys(have, 2)))
    failing = {page: times for page, times in failing.items() if page <= count}
    asked: list[int] = []
    fates: dict[int, Fate] = {}
    more = {"total": 2 * count} if announces else {}
    while pages.ending is None:
        number = pages.page
        asked.append(number)
        assert len(asked) < 60
        if failing.get(number, 0) > 0:
            failing[number] -= 1
            fates[number] = pages.page_failed(PermanentError("failed", code=code))
        elif number <= count:
            fates[number] = pages.page_arrived(page_of(2 * number, 2 * number + 1, **more))
        elif past_end == "404":
            fates[number] = pages.page_failed(refused(404))
        elif past_end == "last" and count:
            fates[number] = pages.page_arrived(page_of(2 * count, 2 * count + 1, **more))
        else:
            fates[number] = pages.page_arrived(page_of(**more))
    assert not have & set(asked)
    first_pass = sorted(set(asked))
    assert asked[: len(first_pass)] == first_pass
    assert all(asked.count(page) <= 2 for page in first_pass)
    # The last page again may arrive before the last page itself, which failed.
    fetched = have | {min(page, count) for page, fate in fates.items() if fate is Fate.FETCHED}
    missing = {page for page, fate in fates.items() if fate in (Fate.SKIPPED, Fate.DEFERRED)}
    onward = False
    if pages.ending is not Ending.END:
        more_missing, onward = pages.missing()
        missing |= set(more_missing)
    assert past_end == "last" or not fetched & missing
    if not onward:
        assert set(range(1, count + 1)) <= fetched | missing
