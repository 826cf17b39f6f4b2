"""Writes ``summary.json``: streamed, and one line per source, product and error."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from pipeline.dead_letters import rejects_file
from pipeline.model import Totals
from pipeline.report.aggregator import Catalogue
from pipeline.report.atomic import write_files

_encoder = msgspec.json.Encoder(decimal_format="number")


def write_summary(
    output: Path,
    totals: Totals,
    catalogue: Catalogue,
    products: Iterable[bytes],
    dead_letters: Iterable[bytes] | None = None,
    *,
    others: Mapping[Path, Iterable[bytes] | None] = MappingProxyType({}),
) -> None:
    """Write the summary and the dead letters beside it, if there are any, and move both into place.

    ``products`` are JSON Lines, in pieces of one or more lines without the last line end; so are ``dead_letters``, with
    all their line ends. ``others`` are files of the same run, moved first: who sees the new summary, sees them.

    Raises:
        OutputError: when they cannot be written; the old files are untouched then.
    """
    write_files({**others, output: _chunks(totals, catalogue, products), rejects_file(output): dead_letters})


def _chunks(totals: Totals, catalogue: Catalogue, products: Iterable[bytes]) -> Iterator[bytes]:
    """The JSON text, one source, product and error a line: large, but a friend of grep and diff."""
    yield b'{"summary": ' + _encoder.encode(totals)
    yield from _array("sources", map(_encoder.encode, catalogue.sources))
    yield from _array("products", (lines.replace(b"\n", b",\n") for lines in products))
    yield from _array("errors", map(_encoder.encode, catalogue.errors))
    yield b"}\n"


def _array(key: str, elements: Iterable[bytes]) -> Iterator[bytes]:
    yield f',\n"{key}": ['.encode()
    separator = b"\n"
    for element in elements:
        yield separator
        yield element
        separator = b",\n"
    yield b"]"
