"""The loop detector: a page with the records of an earlier one is recognised, others are not."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fetch.paging.loop_detector import LoopDetector, Repetition
from pipeline.normalize.normalizer import DEFAULT_READER


def detector() -> LoopDetector:
    return LoopDetector(DEFAULT_READER.identify)


def raws(*records: str) -> list[msgspec.Raw]:
    return [msgspec.Raw(record.encode()) for record in records]


def page_of(*ids: int) -> list[msgspec.Raw]:
    return raws(*(f'{{"id":{number}}}' for number in ids))


def repetitions(*pages: list[msgspec.Raw]) -> list[Repetition]:
    loops = detector()
    return [loops.compare(number, page) for number, page in enumerate(pages, start=1)]


NEW, PRECEDING, EARLIER = Repetition.NONE, Repetition.PRECEDING, Repetition.EARLIER


def test_the_preceding_page_again() -> None:
    """A page whose ids all equal those of the preceding page, in its order, is the preceding page."""
    assert repetitions(page_of(1, 2, 3), page_of(1, 2, 3)) == [NEW, PRECEDING]


def test_an_earlier_page_again() -> None:
    """A page before the preceding one is an earlier page."""
    assert repetitions(page_of(1, 2), page_of(3, 4), page_of(1, 2)) == [NEW, NEW, EARLIER]


def test_ids_alone_identify_a_record() -> None:
    """Other fields, such as a price or a time, may differ from one response to the next."""
    one = raws('{"id":1,"price":5}', '{"sku":"b"}')
    other = raws('{"price": 6, "id": "1"}', '{"sku":" b "}')
    assert repetitions(one, other) == [NEW, PRECEDING]


def test_records_without_an_id_are_identified_by_their_bytes() -> None:
    """Pages of records without ids repeat only if all bytes are equal."""
    one, other = raws('{"name":"a"}', "5"), raws('{"name":"b"}', "5")
    assert repetitions(one, other, other) == [NEW, NEW, PRECEDING]


def test_an_overlap_is_no_repetition() -> None:
    """Pages that share most records, or where one is the beginning of the other, are new."""
    ids = [(1, 2, 3), (2, 3, 4), (2, 3), (2, 3, 5), (9, 3, 5)]
    assert repetitions(*(page_of(*each) for each in ids)) == [NEW] * 5


def test_pages_that_share_only_first_and_last_are_new() -> None:
    """A page after one with the same first and last record, but others between, is new."""
    assert repetitions(page_of(1, 2, 3), page_of(1, 4, 3), page_of(1, 4, 3)) == [NEW, NEW, PRECEDING]


def test_the_same_page_fetched_again_is_no_repetition() -> None:
    """A page that is compared twice under its number is not a repetition of itself."""
    loops = detector()
    assert [loops.compare(1, page_of(1, 2)) for _ in range(2)] == [NEW, NEW]


def test_pages_of_an_earlier_run_are_known() -> None:
    """A fingerprint from the journal identifies a page; the preceding page is known by its number."""
    first = detector()
    known = {}
    for number in (1, 2):
        first.compare(number, page_of(number))
        assert first.fingerprint is not None
        known[number] = first.fingerprint
    identify = DEFAULT_READER.identify
    assert LoopDetector(identify, known).compare(3, page_of(2)) is PRECEDING
    assert LoopDetector(identify, known).compare(3, page_of(1)) is EARLIER
    assert LoopDetector(identify, known).compare(2, page_of(2)) is NEW


@given(st.integers(2, 6), st.integers(1, 4))
def test_a_cycle_is_found_at_the_first_page_that_comes_again(length: int, size: int) -> None:
    """A server that begins again after some pages is recognised at once."""
    pages = [page_of(*range(number * size, (number + 1) * size)) for number in range(length)]
    assert repetitions(*pages, pages[0]) == [NEW] * length + [EARLIER]


def test_only_two_records_of_different_pages_are_identified() -> None:
    """Pages that differ cost a look at their first and last record, however long they are."""
    looks = []

    def look(record: msgspec.Raw) -> bytes:
        looks.append(record)
        return bytes(record)

    loops = LoopDetector(look)
    loops.compare(1, page_of(*range(1000)))
    loops.compare(2, page_of(*range(1000, 2000)))
    assert len(looks) == 4
