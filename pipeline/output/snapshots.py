"""Catalogues that can be compared: that of a summary on disk, and that of a run before its summary is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Protocol

import msgspec

from pipeline.errors import ConfigError, Problem
from pipeline.model.dead_letters import DeadLetter, decode_letter, rejects_file
from pipeline.model.summary import Status
from pipeline.output.aggregator import Catalogue
from pipeline.output.previous import elements, read_sources, without_separator

_PRODUCTS = "products"

# The part of a product's line before its id.
ID_STARTS = len(b'{"id":"')
_AFTER_ID = b'","title":'


class SnapshotSource(msgspec.Struct, frozen=True):
    """The facts about a source that decide what can be compared."""

    name: str
    status: Status
    products: int
    rejected: int
    definition: str = ""
    fetched_at: str | None = None


class Snapshot(Protocol):
    """A catalogue that can be compared."""

    @property
    def sources(self) -> Sequence[SnapshotSource]:
        """The sources, in the order of their products."""

    def lines(self) -> Iterator[bytes]:
        """Yield the products as JSON, one after the other."""

    def rejects(self, source: str) -> Iterator[DeadLetter]:
        """Yield the rejected records of a source."""


class SummarySnapshot:
    """The catalogue in a summary on disk, with the dead letters beside it. Its products are read at their places.

    Raises:
        ConfigError: if the file cannot be read or is not a summary.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.sources: Sequence[SnapshotSource] = [
                msgspec.json.decode(raw, type=SnapshotSource) for raw in read_sources(path)
            ]
            self._file = path.open("rb")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError([Problem(str(path), f"is not a readable summary: {reason}")]) from None
        self._ranges: Mapping[str, Sequence[tuple[int, int]]] | None = None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def lines(self) -> Iterator[bytes]:
        """Yield the products as JSON, one after the other."""
        return (line for _, line in elements(self._path, _PRODUCTS))

    def rejects(self, source: str) -> Iterator[DeadLetter]:
        """Yield the rejected records of a source.

        Raises:
            OSError: if their file cannot be read.
        """
        with rejects_file(self._path).open("rb") as file:
            letters = (decode_letter(line) for line in file if line.strip())
            yield from (letter for letter in letters if letter.source == source)

    def places(self, source: str) -> Iterator[tuple[int, bytes]]:
        """Yield the products of one source, each with its place in the file."""
        if self._ranges is None:
            self._ranges = self._find_ranges()
        for start, end in self._ranges.get(source, ()):
            for place, line in elements(self._path, _PRODUCTS, start):
                if place >= end:
                    break
                yield place, line

    def line_at(self, place: int) -> bytes:
        """Return the product at a place from :meth:`places`."""
        self._file.seek(place)
        return without_separator(self._file.readline())

    def _find_ranges(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        ranges: dict[str, list[tuple[int, int]]] = {}
        current: list[tuple[int, int]] = []
        name = None
        for place, line in elements(self._path, _PRODUCTS):
            source = source_of(line)
            if source != name:
                name, current = source, ranges.setdefault(source, [])
                current.append((place, place + 1))
            current[-1] = (current[-1][0], place + 1)
        return ranges


class RunSnapshot:
    """The catalogue of a run, before its summary is written.

    If ``fetched``, it is without the sources that were taken over from the summary before.
    """

    def __init__(self, catalogue: Catalogue, *, fetched: bool = False) -> None:
        self._catalogue = catalogue
        self.sources: Sequence[SnapshotSource] = [
            SnapshotSource(each.name, each.status, each.products, each.rejected, each.definition, each.fetched_at)
            for each in catalogue.sources
            if not (fetched and each.taken_over)
        ]
        self._left_out = {each.name for each in catalogue.sources if fetched and each.taken_over}

    def lines(self) -> Iterator[bytes]:
        """Yield the products as JSON, one after the other."""
        for chunk in self._catalogue.products():
            lines = chunk.split(b"\n")
            if not self._left_out or source_of(lines[0]) not in self._left_out:
                yield from lines

    def rejects(self, source: str) -> Iterator[DeadLetter]:
        """Yield the rejected records of a source."""
        lines = (line for chunk in self._catalogue.dead_letters() for line in chunk.splitlines())
        return (letter for line in lines if (letter := decode_letter(line)).source == source)


def source_of(line: bytes) -> str:
    """Return the source of a product, which is the part of its id before the first colon."""
    return line[ID_STARTS : line.index(b":", ID_STARTS)].decode()


def id_of(line: bytes) -> bytes:
    """Return the id of a product, escaped as in JSON."""
    return line[ID_STARTS : line.index(_AFTER_ID, ID_STARTS)]


def by_source(lines: Iterable[bytes]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Group the products of a catalogue by their source."""
    return groupby(lines, key=source_of)
