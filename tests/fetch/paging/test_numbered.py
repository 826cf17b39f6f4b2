"""Page numbers: where a walk goes on, where it ends, and when it runs in a circle."""

from collections.abc import Mapping

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.source import Paging
from pipeline.fetch.content.response import Response
from pipeline.fetch.paging.numbered import NumberedPaginator
from pipeline.fetch.paging.paginator import MAX_SKIPS_IN_A_ROW, Identify, PageOutcome
from pipeline.fetch.paging.styles import PageNumber
from pipeline.model.pages import NOTHING_YET, Progress
from pipeline.normalize import normalizer as mapping

# A response that says nothing but its records.
BARE = Response(200, {}, b"[]", "http://shop.test/products?page=1")


def begin(resumed: Progress = NOTHING_YET, identify: Identify = mapping.DEFAULT_READER.identify) -> NumberedPaginator:
    return NumberedPaginator(PageNumber(Paging()), identify, resumed=resumed)


def target(paging: NumberedPaginator) -> Mapping[str, str]:
    """What asks for the current page."""
    (request,), _ = paging.next_requests(1)
    return request.parameters


def raws(*records: str) -> list[msgspec.Raw]:
    return [msgspec.Raw(record.encode()) for record in records]


def page_of(*ids: int) -> list[msgspec.Raw]:
    return raws(*(f'{{"id":{number}}}' for number in ids))


def test_walk_starts_at_page_one_and_counts_up() -> None:
    """The pages asked for are 1, 2, 3, …"""
    paging = begin()
    asked = []
    for number in range(4):
        asked.append(target(paging))
        assert paging.page_arrived(page_of(number), BARE) is PageOutcome.NEXT
    assert asked == [{"page": "1"}, {"page": "2"}, {"page": "3"}, {"page": "4"}]
    assert paging.page == 5


def test_empty_page_is_the_end() -> None:
    """A page without records ends the walk, on page 1 as on any other."""
    assert begin().page_arrived([], BARE) is PageOutcome.END
    paging = begin()
    paging.page_arrived(page_of(1), BARE)
    assert paging.page_arrived([], BARE) is PageOutcome.END
    assert paging.page == 2


def test_page_that_repeats_the_one_before_is_a_loop() -> None:
    """A page whose ids all equal the page before, in its order, is a loop, and the walk stays on it."""
    paging = begin()
    paging.page_arrived(page_of(1, 2, 3), BARE)
    assert paging.page_arrived(page_of(1, 2, 3), BARE) is PageOutcome.LOOP
    assert paging.page == 2


def test_loop_is_told_by_the_ids_alone() -> None:
    """Other fields, such as a price or a time, may differ from one answer to the next: equal ids are a loop."""
    paging = begin()
    paging.page_arrived(raws('{"id":1,"price":5}', '{"sku":"b"}'), BARE)
    assert paging.page_arrived(raws('{"price": 6, "id": "1"}', '{"sku":" b "}'), BARE) is PageOutcome.LOOP


def test_records_without_an_id_are_told_apart_by_all_they_hold() -> None:
    """Pages of records without ids loop when they are the same to the byte, and only then."""
    paging = begin()
    paging.page_arrived(raws('{"name":"a"}', "5"), BARE)
    assert paging.page_arrived(raws('{"name":"b"}', "5"), BARE) is PageOutcome.NEXT
    assert paging.page_arrived(raws('{"name":"b"}', "5"), BARE) is PageOutcome.LOOP


def test_overlap_is_no_loop() -> None:
    """Pages that share most records, or where one is the other's beginning, are no loop."""
    paging = begin()
    for ids in [(1, 2, 3), (2, 3, 4), (2, 3), (2, 3, 5), (9, 3, 5)]:
        assert paging.page_arrived(page_of(*ids), BARE) is PageOutcome.NEXT


def test_loop_is_found_across_a_page_that_was_given_up() -> None:
    """A server that ignores ``page`` is found out though one of its answers in between was spoilt."""
    paging = begin()
    paging.page_arrived(page_of(1, 2), BARE)
    assert paging.page_failed() is PageOutcome.NEXT
    assert paging.page_arrived(page_of(1, 2), BARE) is PageOutcome.LOOP


def test_walk_goes_on_behind_a_page_that_was_given_up() -> None:
    """A page given up costs that page alone."""
    paging = begin()
    assert paging.page_failed() is PageOutcome.NEXT
    assert target(paging) == {"page": "2"}
    assert paging.page_arrived(page_of(1), BARE) is PageOutcome.NEXT
    assert target(paging) == {"page": "3"}


def test_three_pages_given_up_in_a_row_end_the_walk() -> None:
    """An endpoint that answers no page is left alone, and the walk stays on the last page it tried."""
    paging = begin()
    assert [paging.page_failed() for _ in range(3)] == [PageOutcome.NEXT, PageOutcome.NEXT, PageOutcome.LOST]
    assert paging.page == MAX_SKIPS_IN_A_ROW == 3


def test_page_that_arrives_starts_the_count_of_skips_anew() -> None:
    """Only pages given up in a row count, however many there are in all."""
    paging = begin()
    for number in range(10):
        assert [paging.page_failed(), paging.page_failed()] == [PageOutcome.NEXT, PageOutcome.NEXT]
        assert paging.page_arrived(page_of(number), BARE) is PageOutcome.NEXT
    assert paging.page == 31


@given(st.integers(1, 6), st.integers(1, 4))
def test_cycle_is_a_loop(length: int, size: int) -> None:
    """A server that begins anew after some pages is found out at the first page that comes again."""
    paging = begin()
    pages = [page_of(*range(number * size, (number + 1) * size)) for number in range(length)]
    steps = [paging.page_arrived(page, BARE) for page in (*pages, pages[0])]
    assert steps == [PageOutcome.NEXT] * length + [PageOutcome.LOOP]


def test_pages_that_share_their_ends_alone_are_no_loop() -> None:
    """A page after another with the same first and last record, but others between, is a page."""
    paging = begin()
    assert paging.page_arrived(page_of(1, 2, 3), BARE) is PageOutcome.NEXT
    assert paging.page_arrived(page_of(1, 4, 3), BARE) is PageOutcome.NEXT
    assert paging.page_arrived(page_of(1, 4, 3), BARE) is PageOutcome.LOOP


def test_only_two_records_of_different_pages_are_looked_at() -> None:
    """Pages that differ cost a look at their first and last record, however long they are."""
    looks = []

    def look(record: msgspec.Raw) -> bytes:
        looks.append(record)
        return bytes(record)

    paging = begin(identify=look)
    paging.page_arrived(page_of(*range(1000)), BARE)
    paging.page_arrived(page_of(*range(1000, 2000)), BARE)
    assert len(looks) == 4


@given(
    pages=st.integers(0, 12),
    failing=st.dictionaries(st.integers(1, 12), st.integers(1, 3)),
    have=st.frozensets(st.integers(1, 12)),
    knows_end=st.booleans(),
)
def test_every_walk_asks_for_what_is_missing_and_no_page_without_need(
    pages: int, failing: dict[int, int], have: frozenset[int], *, knows_end: bool
) -> None:
    """Each page that is wanted is asked for in order, one that was given up once more at the end, others never."""
    have = frozenset(page for page in have if page <= pages)
    paging = begin(Progress(have, pages + 1 if knows_end else None))
    failing = dict(failing)
    asked: list[int] = []
    step = paging.first_outcome
    while step is PageOutcome.NEXT:
        asked.append(paging.page)
        if failing.get(paging.page, 0) > 0:
            failing[paging.page] -= 1
            step = paging.page_failed()
        else:
            step = paging.page_arrived(page_of(paging.page) if paging.page <= pages else [], BARE)
    assert not have & set(asked)
    first_pass = sorted(set(asked))
    assert asked[: len(first_pass)] == first_pass
    assert all(asked.count(page) <= 2 for page in first_pass)
    if step is PageOutcome.END:
        assert set(range(1, pages + 1)) - have <= set(asked)
        assert paging.end is not None
        assert paging.end > pages or paging.end in failing
    else:
        assert step is PageOutcome.LOST
