"""The journal: its entries survive; torn entries, changed endpoints and other runs are reported."""

import math
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import ConfigError, OutputError
from pipeline.journal.entries import FORMAT, EndEntry, encode_entry
from pipeline.journal.journal import Journal
from pipeline.model.pages import AnnouncedTotals, EndpointProfile, NormalizedPage, Page, Progress, Trace
from pipeline.normalize.normalizer import normalize_page

ENDPOINTS = {"a": "digest-a", "b": "digest-b"}


def page(source: str, number: int, *ids: int) -> NormalizedPage:
    raw = [msgspec.Raw(msgspec.json.encode({"id": i, "name": "Ünicode\n", "price": "1.50"})) for i in ids]
    found = Page(source, number, [*raw, msgspec.Raw(b"17")], Trace(records=len(ids) + 1))
    return normalize_page(found, "2026-01-01T00:00:00Z")


def begin(
    folder: Path, *, resume: bool = False, endpoints: dict[str, str] | None = None, max_age: float = math.inf
) -> Journal:
    return Journal.open(folder, ENDPOINTS if endpoints is None else endpoints, resume=resume, max_age=max_age)


def content(journal: Journal, source: str) -> list[tuple[int, list[str], bytes, list[str]]]:
    return [
        (entry.number, list(entry.ids), journal.lines(place), [r.reason for r in entry.rejects])
        for entry, place in journal.entries(source)
    ]


PROFILE = EndpointProfile(Paging(style=PagingStyle.PAGE, start=0), "things", AnnouncedTotals(1, None))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out" / "summary.journal"


@pytest.fixture
def filled(folder: Path) -> Path:
    """A journal of an interrupted run: pages 1 and 3 of a, and all of b."""
    with begin(folder) as journal:
        journal.append(page("a", 3, 31, 32))
        journal.append(page("b", 1, 11))
        journal.append(page("a", 1, 1))
        journal.append_profile("b", PROFILE)
        journal.append_end("b", 2)
    return folder


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    heard: list[str] = []
    logger.enable("pipeline")
    sink = logger.add(lambda message: heard.append(message.record["message"]), level="WARNING")
    yield heard
    logger.remove(sink)


def test_what_was_written_is_read_in_page_order(filled: Path) -> None:
    """Pages are read in page order and byte for byte, regardless of the order in which they were written."""
    with begin(filled, resume=True) as journal:
        expected = [page("a", 1, 1), page("a", 3, 31, 32)]
        assert content(journal, "a") == [
            (each.number, each.ids, each.lines, [reject.reason for reject in each.rejects]) for each in expected
        ]


def test_progress_is_the_pages_and_the_end(filled: Path) -> None:
    """A journal knows the pages of each source, where a source ended, and its profile."""
    with begin(filled, resume=True) as journal:
        assert journal.progress("a") == Progress(frozenset({1, 3}), records={1: 2, 3: 3})
        assert journal.progress("b") == Progress(frozenset({1}), end=2, records={1: 2}, profile=PROFILE)
        assert journal.progress("new") == Progress()
        assert not journal.is_empty


def test_a_resumed_journal_grows(filled: Path) -> None:
    """A later run appends to the entries that exist."""
    with begin(filled, resume=True) as journal:
        journal.append(page("a", 2, 21))
    with begin(filled, resume=True) as journal:
        assert [number for number, *_ in content(journal, "a")] == [1, 2, 3]


def test_a_torn_entry_is_dropped_wherever_it_is_torn(filled: Path, warnings: list[str]) -> None:
    """Wherever the file is cut, the whole entries before it are kept, a warning is logged, and writing continues."""
    path = filled / "pages"
    whole = path.read_bytes()
    with begin(filled, resume=True) as journal:
        journal.append(page("a", 4, 41, 42))
    longer = path.read_bytes()
    for length in range(len(whole), len(longer)):
        path.write_bytes(longer[:length])
        with begin(filled, resume=True) as journal:
            assert [number for number, *_ in content(journal, "a")] == [1, 3], length
            journal.append(page("a", 5, 51))
        with begin(filled, resume=True) as journal:
            assert [number for number, *_ in content(journal, "a")] == [1, 3, 5], length
    assert len(warnings) == len(longer) - len(whole) - 1
    assert "incomplete entry" in warnings[0]


@given(st.binary(max_size=80))
def test_any_damage_at_the_end_is_dropped(damage: bytes) -> None:
    """Any bytes after the last entry are removed, and the entries are read."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "j"
        with begin(folder) as journal:
            journal.append(page("a", 1, 1))
        with (folder / "pages").open("ab") as file:
            file.write(damage)
        with begin(folder, resume=True) as journal:
            assert [number for number, *_ in content(journal, "a")] == [1]


def test_an_unfinished_journal_is_set_aside_and_not_destroyed(filled: Path, warnings: list[str]) -> None:
    """A run without --resume starts a new journal, moves the old pages to a folder of their own, and logs it."""
    before = (filled / "pages").read_bytes()
    with begin(filled) as journal:
        assert journal.is_empty
    assert (filled.with_name("summary.journal.old") / "pages").read_bytes() == before
    assert "--resume continues this run, not that one" in warnings[0]
    assert f"{filled.with_name('summary.journal.old') / 'pages'} back to {filled / 'pages'}" in warnings[0]


def test_a_journal_that_was_set_aside_is_continued_as_the_warning_says(filled: Path) -> None:
    """Moved back to its place, a journal that was set aside can be resumed."""
    begin(filled).close()
    (filled.with_name("summary.journal.old") / "pages").replace(filled / "pages")
    with begin(filled, resume=True) as journal:
        assert journal.progress("a").have == {1, 3}


def test_an_old_journal_is_set_aside_also_by_resume(
    folder: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal whose newest page is older than the limit is not resumed, although its file was copied since."""
    for module in ("journal", "entries"):
        monkeypatch.setattr(f"pipeline.journal.{module}.utc_timestamp", lambda: "2026-01-01T00:00:00Z")
    with begin(folder) as journal:
        journal.append(page("a", 1, 1))
    old = (folder / "pages").read_bytes()
    with begin(folder, resume=True, max_age=3600) as journal:
        assert (journal.is_empty, journal.resumed) == (True, None)
    assert (folder.with_name("summary.journal.old") / "pages").read_bytes() == old
    assert "more than `resume_max_age` allows (60 min)" in warnings[0]
    assert "--resume with a higher limit" in warnings[0]


@pytest.mark.parametrize("version", [FORMAT - 1, FORMAT + 1])
def test_a_journal_of_another_version_is_set_aside(filled: Path, warnings: list[str], version: int) -> None:
    """The warning names both versions, and the run starts afresh."""
    later = (filled / "pages").read_bytes().replace(b'"format":%d' % FORMAT, b'"format":%d' % version)
    (filled / "pages").write_bytes(later)
    with begin(filled, resume=True) as journal:
        assert (journal.is_empty, journal.resumed) == (True, None)
        journal.append(page("a", 1, 1))
    assert (filled.with_name("summary.journal.old") / "pages").read_bytes() == later
    assert f"of another version of this program (format {version}, not {FORMAT})" in warnings[0]
    with begin(filled, resume=True) as journal:
        assert journal.progress("a").have == {1}


def test_a_journal_of_version_0_1_is_set_aside(filled: Path, warnings: list[str]) -> None:
    """A journal of the first release, whose entries have no checksums, is of another version."""
    old = (
        b'{"entry":"opening","format":3,"started_at":"2026-11-21T10:00:00Z","endpoints":{"a":"digest-a"}}\n'
        b'{"entry":"findings","source":"a","findings":{"paging":{"style":"page"},"place":"data"}}\n'
    )
    (filled / "pages").write_bytes(old)
    with begin(filled, resume=True) as journal:
        assert journal.is_empty
    assert f"(format 3, not {FORMAT})" in warnings[0]


def test_a_journal_whose_first_entry_is_damaged_is_set_aside(filled: Path, warnings: list[str]) -> None:
    """Without the first entry it is unknown of which endpoints the pages are, so none is used."""
    content = (filled / "pages").read_bytes()
    (filled / "pages").write_bytes(content.replace(b"digest-a", b"digest-x", 1))
    with begin(filled, resume=True) as journal:
        assert journal.is_empty
    assert "its first entry is damaged" in warnings[0]


def test_a_damaged_entry_costs_only_itself(filled: Path, warnings: list[str]) -> None:
    """Wherever an entry is damaged, it is dropped and reported, and the entries after it are kept."""
    content = (filled / "pages").read_bytes()
    begins = [found.start() for found in re.finditer(rb'[0-9a-f]{8} \{"entry"', content)]
    assert len(begins) == 6
    for offset in range(begins[1], begins[2]):  # page 3 of a
        damaged = bytearray(content)
        damaged[offset] ^= 0x10
        (filled / "pages").write_bytes(damaged)
        with begin(filled, resume=True) as journal:
            assert journal.progress("a").have == {1}, offset
            assert content_of_b(journal)
    assert len(warnings) == begins[2] - begins[1]
    assert f"dropped {begins[2] - begins[1]} damaged bytes in the middle of the journal" in warnings[0]


def content_of_b(journal: Journal) -> bool:
    return journal.progress("b") == Progress(frozenset({1}), end=2, records={1: 2}, profile=PROFILE)


def test_an_entry_in_the_data_of_an_api_is_not_an_entry(folder: Path) -> None:
    """Text of a record that looks like an entry is not found when the search for entries goes through it."""
    forged = encode_entry(EndEntry("a", 2)).decode()
    raw = msgspec.json.encode({"id": 1, "name": forged, "price": "1"}), msgspec.json.encode({"no id": forged})
    found = Page("a", 1, [msgspec.Raw(record) for record in raw], Trace(records=2))
    with begin(folder) as journal:
        journal.append(normalize_page(found, "2026-01-01T00:00:00Z"))
        journal.append(page("a", 2, 2))
    content = (folder / "pages").read_bytes()
    (folder / "pages").write_bytes(content.replace(b'"number":1', b'"number":9'))
    with begin(folder, resume=True) as journal:
        assert journal.progress("a") == Progress(frozenset({2}), records={2: 2})


def test_only_what_is_of_use_is_kept(filled: Path) -> None:
    """Pages after which a source cannot continue are neither progress nor products, nor taken over."""
    with Journal.open(
        filled, ENDPOINTS, resume=True, usable=lambda source, progress: progress.up_to(1 if source == "a" else 0)
    ) as journal:
        assert journal.progress("a") == Progress(frozenset({1}), records={1: 2})
        assert journal.progress("b") == Progress(profile=PROFILE)
        assert ([number for number, *_ in content(journal, "a")], content(journal, "b")) == ([1], [])
        assert journal.resumed is not None
        assert journal.resumed.records == 2


def test_an_old_file_is_an_old_journal(filled: Path) -> None:
    """The time of the file counts if it is before that of the newest page."""
    os.utime(filled / "pages", (1e9, 1e9))
    with begin(filled, resume=True, max_age=3600) as journal:
        assert journal.is_empty


def test_a_resumed_journal_tells_its_age_and_its_records(filled: Path) -> None:
    """A journal knows how many records it takes over, rejects included, and how old the newest page is."""
    at = (filled / "pages").stat().st_mtime - 1800
    os.utime(filled / "pages", (at, at))
    with begin(filled, resume=True, max_age=3600) as journal:
        assert journal.resumed is not None
        assert journal.resumed.records == 7
        assert 1800 <= journal.resumed.age < 1900


def test_a_journal_that_begins_has_nothing_to_take_over(folder: Path) -> None:
    """A run that starts afresh takes nothing over, with --resume or without."""
    for resume in (False, True):
        with begin(folder, resume=resume) as journal:
            assert journal.resumed is None


def test_a_run_that_was_killed_before_its_first_page_does_not_push_out_another(filled: Path) -> None:
    """A journal without pages does not replace one that was moved aside."""
    before = (filled / "pages").read_bytes()
    for _ in range(3):
        begin(filled).close()
    assert (filled.with_name("summary.journal.old") / "pages").read_bytes() == before


def test_removing_leaves_the_journal_of_a_run_that_has_begun_since(filled: Path) -> None:
    """What another run writes right after the lock is released is kept."""
    journal = begin(filled, resume=True)
    release, others = journal._lock.release, []

    def release_and_let_another_in() -> None:
        release()
        if not others:
            others.append(begin(filled))
            others[0].append(page("a", 1, 1))

    journal._lock.release = release_and_let_another_in  # type: ignore[method-assign]  # at the worst moment
    journal.remove()
    others[0].close()
    with begin(filled, resume=True) as resumed:
        assert resumed.progress("a").have == {1}


def test_resuming_nothing_begins_anew(folder: Path) -> None:
    """--resume without a journal starts an ordinary run."""
    with begin(folder, resume=True) as journal:
        assert journal.is_empty
        journal.append(page("a", 1, 1))


@pytest.mark.parametrize("beginning", [b"", b"\n", b'{"entry":"opening"', b"garbage\n"])
def test_a_file_that_is_no_journal_is_begun_anew(folder: Path, beginning: bytes) -> None:
    """If the first entry is not whole, the journal starts anew."""
    folder.mkdir(parents=True)
    (folder / "pages").write_bytes(beginning)
    with begin(folder, resume=True) as journal:
        assert journal.is_empty
        journal.append(page("a", 1, 1))
    with begin(folder, resume=True) as journal:
        assert journal.progress("a").have == {1}


def test_a_changed_endpoint_is_refused(filled: Path) -> None:
    """If endpoints have changed, each is named with the remedy, so that their pages do not mix."""
    with pytest.raises(ConfigError) as caught:
        begin(filled, resume=True, endpoints={"a": "another"})
    assert [problem.path for problem in caught.value.problems] == ["endpoints.a", "endpoints.b"]
    assert "changed since the journal was started" in str(caught.value)
    assert "removed since the journal was started" in str(caught.value)
    assert "without --resume" in str(caught.value)


def test_a_new_endpoint_may_be_resumed(filled: Path) -> None:
    """An endpoint that was added is fetched from its first page."""
    with begin(filled, resume=True, endpoints={**ENDPOINTS, "c": "new"}) as journal:
        assert journal.progress("c") == Progress()


def test_an_endpoint_that_was_added_is_held_to_what_it_was(filled: Path) -> None:
    """An endpoint added by a resumed run can be resumed again, but only with the same definition."""
    with Journal.open(filled, {**ENDPOINTS, "c": "3"}, resume=True) as journal:
        journal.append(page("c", 1, 1))
    with Journal.open(filled, {**ENDPOINTS, "c": "3"}, resume=True) as journal:
        assert journal.progress("c").have == {1}
    with pytest.raises(ConfigError, match=r"endpoints\.c: cannot be resumed: it was changed"):
        Journal.open(filled, {**ENDPOINTS, "c": "4"}, resume=True)


def test_a_second_run_on_the_same_output_is_refused(filled: Path) -> None:
    """A second run on the same output is refused, and the first one continues."""
    with begin(filled, resume=True) as first:
        with pytest.raises(ConfigError, match="another run"):
            begin(filled, resume=True)
        first.append(page("a", 2, 21))
    with begin(filled, resume=True) as journal:
        assert journal.progress("a").have == {1, 2, 3}


def test_a_removed_journal_leaves_nothing(filled: Path) -> None:
    """Removing a journal removes its folder."""
    with begin(filled, resume=True) as journal:
        journal.remove()
    assert not filled.exists()


def test_a_full_disk_costs_only_the_entry_that_did_not_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk fills up within an entry, the error names the remedy, and earlier entries stay intact."""

    class Full:
        def __init__(self, file: object) -> None:
            self._file = file

        def write(self, data: bytes) -> int:
            if len(data) < 100:
                raise OSError(28, "No space left on device")
            return self._file.write(data[:50])

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

    with begin(folder) as journal:
        journal.append(page("a", 1, 1))
        monkeypatch.setattr(journal, "_file", Full(journal._file))
        with pytest.raises(OutputError, match=r"No space left.*--resume"):
            journal.append(page("a", 2, 21))
    with begin(folder, resume=True) as journal:
        assert journal.progress("a").have == {1}


def test_a_place_below_a_file_is_a_mistake(tmp_path: Path) -> None:
    """If the folder cannot be created, the error is one of configuration."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write"):
        begin(tmp_path / "file" / "j")
