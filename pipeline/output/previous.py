"""Read the summary that a run replaces: its baselines, and the products of sources that are not fetched again."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Self

import msgspec
from loguru import logger

from pipeline.errors import ConfigError, Problem
from pipeline.model.dead_letters import rejects_file
from pipeline.model.pages import FeedVersion, Product
from pipeline.model.summary import Failure, SourceReport, Status

# The sources of a hundred thousand endpoints, about: more is not a summary.
_MOST_BYTES = 1 << 26

_LINES_AT_ONCE = 1_000


class _OldSource(msgspec.Struct, frozen=True):
    name: str
    status: Status
    products: int
    rejected: int = 0
    baseline_products: int | None = None
    definition: str = ""
    feed: FeedVersion | None = None


class _OldSummary(msgspec.Struct, frozen=True):
    sources: Sequence[msgspec.Raw]


class _OldRun(msgspec.Struct, frozen=True):
    run: str = ""
    status: Status = "complete"


class _OldTotals(msgspec.Struct, frozen=True):
    summary: _OldRun


_decode_source = msgspec.json.Decoder(_OldSource).decode
_decode_report = msgspec.json.Decoder(SourceReport).decode
_decode_failure = msgspec.json.Decoder(Failure).decode
_decode_product = msgspec.json.Decoder(Product).decode


class PreviousSummary:
    """The summary on disk before a run, and the dead letters beside it. Its products are read when they are needed."""

    def __init__(self, path: Path, sources: Sequence[msgspec.Raw] = ()) -> None:
        self._path = path
        self._raw = {_decode_source(raw).name: raw for raw in sources}
        self._sources = {name: _decode_source(raw) for name, raw in self._raw.items()}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the part before the products; a file that is damaged or not a summary is ignored, with a warning."""
        try:
            return cls(path, read_sources(path))
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError) as error:
            logger.warning("{} is not a readable summary ({}), so nothing is compared with it", path, error)
            return cls(path)

    @property
    def baselines(self) -> Mapping[str, int]:
        """The number of products in the last complete run of each source."""
        baselines = {name: _baseline(source) for name, source in self._sources.items()}
        return {name: baseline for name, baseline in baselines.items() if baseline is not None}

    @property
    def requests(self) -> Mapping[str, int]:
        """The number of requests that each complete source needed, without repeated ones."""
        reports = [self.report(name) for name, source in self._sources.items() if source.status == "complete"]
        # A resumed run has requested a part of the pages.
        return {each.name: max(each.requests - each.retries, each.pages_fetched) for each in reports}

    def feed(self, name: str, definition: str) -> FeedVersion | None:
        """Return the version of a feed of which all products are here, None if they cannot be taken over.

        The source must be complete under the same ``definition``, with all its products and dead letters in the files.
        """
        source = self._sources.get(name)
        if source is None or source.feed is None:
            return None
        if (source.status, source.definition) != ("complete", definition):
            return None
        return source.feed if self._is_whole(source) else None

    def check_sources(self, names: Iterable[str]) -> None:
        """Check that all products of these sources can be taken over.

        Raises:
            ConfigError: if they cannot, or if the summary is that of a run that failed.
        """
        remedy = "run once without --only"
        try:
            totals = _read_totals(self._path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            text = f"{self._path} is not a summary from which the other endpoints can be taken over ({reason})"
            raise ConfigError([Problem("--only", f"{text}; {remedy}")]) from None
        if totals.status == "failed":
            text = f"{self._path} is the summary of a run that failed, so nothing can be taken over"
            raise ConfigError([Problem("--only", f"{text}; {remedy}")])
        problems = []
        for name in names:
            if (source := self._sources.get(name)) is None:
                problems.append(f"{self._path} does not have {name}, so it cannot be taken over; add --only {name}")
            elif not self._is_whole(source):
                text = f"{self._path} and the file of rejected records do not have all records of {name}"
                problems.append(f"{text}; add --only {name}")
        if problems:
            raise ConfigError([Problem("--only", problem) for problem in problems])

    def _is_whole(self, source: _OldSource) -> bool:
        """True if the files have as many products and dead letters as the report of the source counts."""
        products, letters = self._counts
        return (products[source.name], letters[source.name]) == (source.products, source.rejected)

    def report(self, name: str) -> SourceReport:
        """Return the report of a source."""
        return _decode_report(self._raw[name])

    def products(self, name: str) -> Iterator[Product]:
        """Yield the products of a source in their order."""
        return (_decode_product(line) for line in self._lines_of(name))

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the products of a source as JSON Lines, many at once, without a line end after the last."""
        lines = self._lines_of(name)
        while chunk := list(islice(lines, _LINES_AT_ONCE)):
            yield b"\n".join(chunk)

    def failures(self, name: str) -> Iterator[Failure]:
        """Yield the failures of a source."""
        failures = (_decode_failure(line) for _, line in elements(self._path, "errors"))
        return (failure for failure in failures if failure.source == name)

    def rejects(self, name: str) -> Iterator[Failure]:
        """Yield the failures of a source that are about rejected records."""
        return (failure for failure in self.failures(name) if failure.position is not None)

    def letters(self, name: str) -> Iterator[bytes]:
        """Yield the dead letters of a source, each with its line end."""
        return (line for source, line in _letters(self._path) if source == name)

    def _lines_of(self, name: str) -> Iterator[bytes]:
        start = f'{{"id":"{name}:'.encode()
        return (line for _, line in elements(self._path, "products") if line.startswith(start))

    @cached_property
    def _counts(self) -> tuple[Counter[str], Counter[str]]:
        """The number of products and of dead letters of each source in the files."""
        products: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        try:
            for _, line in elements(self._path, "products"):
                products[line[len(b'{"id":"') :].partition(b":")[0].decode()] += 1
            letters.update(source for source, _ in _letters(self._path))
        except (OSError, ValueError) as error:
            logger.warning("the products in {} cannot be taken over: {}", self._path, error)
        return products, letters


def _baseline(source: _OldSource) -> int | None:
    # Summaries of 0.1.0 have no baseline, and their complete sources may have no products.
    if source.baseline_products is None and source.status == "complete":
        return source.products or None
    return source.baseline_products


def read_sources(path: Path) -> Sequence[msgspec.Raw]:
    """Read the lines before the products, which end a JSON object if their last comma is replaced.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not a summary, or has no line that begins the products.
    """
    head = bytearray()
    with path.open("rb") as file:
        while line := file.readline(_MOST_BYTES):
            if line.lstrip().startswith(b'"products": ['):
                sources = msgspec.json.decode(bytes(head.rstrip().removesuffix(b",") + b"}"), type=_OldSummary).sources
                for source in sources:
                    _decode_source(source)
                return sources
            head += line
            if len(head) > _MOST_BYTES:
                break
    raise ValueError("it has no line that begins the products")


def read_run(path: Path) -> str | None:
    """Read the id of the run from the first line of a summary, None if it is not there.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not a summary.
    """
    return _read_totals(path).run or None


def _read_totals(path: Path) -> _OldRun:
    with path.open("rb") as file:
        line = file.readline(_MOST_BYTES)
    return msgspec.json.decode(line.rstrip().removesuffix(b",") + b"}", type=_OldTotals).summary


def elements(path: Path, key: str, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of an array of a summary, which has one on each line, each with its place in the file.

    With ``start``, the place of an element, they begin there.
    """
    beginning = f'"{key}": ['.encode()
    with path.open("rb") as file:
        file.seek(start)
        place = start
        if not start:
            for line in file:
                place += len(line)
                if line.startswith(beginning):
                    break
        for line in file:
            if not line.startswith(b"{"):
                return
            yield place, without_separator(line)
            place += len(line)


def without_separator(line: bytes) -> bytes:
    """Return an element without what follows it: the next one, the next array, or the end of the summary."""
    element = line.rstrip(b"\n")
    return element[:-1] if element.endswith(b"},") else element[:-2]


class _Letter(msgspec.Struct):
    source: str


def _letters(path: Path) -> Iterator[tuple[str, bytes]]:
    rejects = rejects_file(path)
    if rejects.exists():
        with rejects.open("rb") as file:
            for line in file:
                yield msgspec.json.decode(line, type=_Letter).source, line
