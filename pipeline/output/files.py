"""Writes ``summary.json``: streamed, and one line per source, product and error.

The products as a file of their own, for whoever loads them elsewhere: its suffix is its format.

The files that a run writes: which they are, and that all of them change together.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Self

import msgspec

from pipeline.config.settings import Config
from pipeline.errors import ConfigError, Problem
from pipeline.model.dead_letters import rejects_file
from pipeline.model.summary import Totals
from pipeline.output.aggregator import Aggregator, Catalogue
from pipeline.output.atomic import prepare_output, remove_leftovers, write_files
from pipeline.output.csv_products import csv_chunks
from pipeline.output.journal import journal_folder

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


class ProductsFile(msgspec.Struct, frozen=True):
    """Where the products go, besides the summary; ``extra`` has the names of the further fields they may have."""

    path: Path
    extra: Sequence[str] = ()

    @classmethod
    def of(cls, config: Config) -> Self | None:
        """The file that a configuration asks for, if it does."""
        if config.products is None:
            return None
        names = dict.fromkeys(name for endpoint in config.endpoints for name in endpoint.fields.extra)
        return cls(Path(config.products), tuple(names))

    def prepare(self, output: Path) -> None:
        """See that it can be written, beside the files that an output has anyway: before fetching, not after it.

        Raises:
            ConfigError: when it cannot, is in the way of one of those, or its format needs what is not installed.
        """
        with suppress(ValueError):  # no name that a file can have, as is told below
            self._keep_out_of(output, rejects_file(output), journal_folder(output))
        if self.path.suffix == ".parquet":
            self._parquet_chunks()
        prepare_output(self.path, key="products", flag="--products")

    def chunks(self, catalogue: Catalogue, products: Iterable[bytes]) -> Iterator[bytes]:
        """The content of the file. ``products`` are JSON Lines, in pieces of one or more without the last line end."""
        match self.path.suffix:
            case ".parquet":
                return self._parquet_chunks()(catalogue, products)
            case ".csv":
                return csv_chunks(self.extra, products)
            case _:
                return (lines + b"\n" for lines in products)

    def _keep_out_of(self, *others: Path) -> None:
        place = Path(os.path.realpath(self.path))
        for other in others:
            if Path(os.path.realpath(other)) in (place, *place.parents):
                text = f"{self.path} would be in the way of {other}; name another place with --products"
                raise ConfigError([Problem("products", text)])

    def _parquet_chunks(self) -> Callable[[Catalogue, Iterable[bytes]], Iterator[bytes]]:
        try:
            from pipeline.output.parquet_products import parquet_chunks  # noqa: PLC0415 - pyarrow is large, and optional
        except ImportError as error:
            remedy = "pip install 'pipeline[parquet]', in a clone `uv sync --extra parquet`"
            raise ConfigError([Problem("products", f"{self.path} needs pyarrow ({error}): {remedy}")]) from error
        return parquet_chunks


def report_file(output: Path) -> Path:
    """Where the report of an output lies: ``out/report.html`` for ``out/summary.json``, else by its name."""
    return output.with_name("report.html" if output.stem == "summary" else f"{output.stem}.report.html")


class Outputs(msgspec.Struct, frozen=True):
    """The summary, what lies beside it under names of its own; products alone and a report, if those are asked for."""

    summary: Path
    products: ProductsFile | None
    report: Path | None

    @classmethod
    def of(cls, config: Config) -> Self:
        """The files that a configuration asks for."""
        output = Path(config.output)
        return cls(output, ProductsFile.of(config), report_file(output) if config.report else None)

    @property
    def rejects(self) -> Path:
        """The dead letters."""
        return rejects_file(self.summary)

    @property
    def journal(self) -> Path:
        """The folder of the journal."""
        return journal_folder(self.summary)

    def prepare(self) -> None:
        """See that all can be written: before fetching, not after it.

        Raises:
            ConfigError: when one cannot, or is in the way of another.
        """
        if self.journal == self.summary:
            text = f"{self.summary} is the name of a journal; name another file with -o"
            raise ConfigError([Problem("output", text)])
        prepare_output(self.summary, self.rejects, *self._report)
        if self.products:
            self.products.prepare(self.summary)

    def remove_leftovers(self) -> None:
        """Clear away what killed runs left; only who holds the journal may."""
        for path in (self.summary, self.rejects, *self._report, *([self.products.path] if self.products else ())):
            remove_leftovers(path)

    def write(
        self, totals: Totals, catalogue: Catalogue, aggregator: Aggregator, *, report: bytes | None = None
    ) -> None:
        """Write all of them, and move them into place. Where there is no ``report`` after all, no old one stays.

        Raises:
            OutputError: when they cannot be written; the old files are untouched then.
        """
        rejected = any(source.rejected for source in catalogue.sources)
        dead_letters = aggregator.dead_letters(catalogue) if rejected else None
        alone = aggregator.products(catalogue)
        others: dict[Path, Iterable[bytes] | None] = {path: [report] if report else None for path in self._report}
        if self.products:
            others[self.products.path] = self.products.chunks(catalogue, alone)
        write_summary(self.summary, totals, catalogue, aggregator.products(catalogue), dead_letters, others=others)

    @property
    def _report(self) -> Sequence[Path]:
        return [self.report] if self.report else []
