"""The files of a run: write the summary, the products and the dead letters together, and the report after them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from itertools import chain
from pathlib import Path
from typing import Self

import msgspec
from loguru import logger

from pipeline.config.placeholders import PLACEHOLDER
from pipeline.config.settings import Config
from pipeline.errors import ConfigError, OutputError, Problem
from pipeline.journal.journal import journal_folder
from pipeline.model.changes import Changes
from pipeline.model.dead_letters import rejects_file
from pipeline.model.pages import utc_timestamp
from pipeline.model.summary import Totals
from pipeline.output.aggregator import Catalogue
from pipeline.output.atomic import prepare_output, remove_leftovers, write_files
from pipeline.output.changes import Comparison
from pipeline.output.dated_names import dated, new_run, newest_first, undated
from pipeline.output.formats.product_formats import writer_for
from pipeline.output.previous import read_run
from pipeline.output.snapshots import RunSnapshot, SummarySnapshot

_encoder = msgspec.json.Encoder(decimal_format="number")


class OutputFiles(msgspec.Struct, frozen=True):
    """The files of one output: the summary, and beside it the dead letters and the journal's folder.

    ``products`` is the file of the products alone, ``report`` the HTML report, and ``changes`` the file of the changes
    since the summary that is replaced; None if the configuration does not ask for them. ``extra`` has the names of the
    extra fields that products may have. ``pattern`` is the name of the summary with its placeholders, None if it has
    none. ``previous`` is the summary of an earlier run, None if it is the one that is replaced.
    """

    summary: Path
    products: Path | None = None
    extra: Sequence[str] = ()
    report: Path | None = None
    changes: Path | None = None
    pattern: str | None = None
    previous: Path | None = None

    @classmethod
    def of(cls, config: Config, run: str) -> Self:
        """Return the files that a configuration asks for; ``run`` is the id of the run, for their names."""
        summary = dated(config.output, run)
        is_dated = summary != Path(config.output)
        earlier = (path for path in newest_first(config.output) if _run_of(path) != run) if is_dated else iter(())
        return cls(
            summary,
            products=dated(config.products, run) if config.products else None,
            # A dict keeps each name once, in the order of the configuration.
            extra=tuple(dict.fromkeys(name for endpoint in config.endpoints for name in endpoint.fields.extra)),
            report=report_file(summary) if config.report else None,
            changes=changes_file(summary) if config.changes else None,
            pattern=config.output if is_dated else None,
            previous=next(earlier, None),
        )

    @classmethod
    def of_newest(cls, config: Config) -> Self:
        """Return the files of the newest run of a configuration, for a command that does not make a new run."""
        newest = next(newest_first(config.output), None) if PLACEHOLDER.search(config.output) else None
        return cls.of(config, (newest and _run_of(newest)) or new_run(utc_timestamp()))

    @property
    def rejects(self) -> Path:
        """The file of the dead letters."""
        return rejects_file(self.summary)

    @property
    def journal(self) -> Path:
        """The folder of the journal."""
        return journal_folder(undated(self.pattern) if self.pattern else self.summary)

    @property
    def compared(self) -> Path:
        """The summary with which the run is compared; it need not exist."""
        return self.previous or self.summary

    def prepare(self) -> None:
        """Check that all files can be written, before anything is fetched.

        Raises:
            ConfigError: if a file cannot be written or is in the way of another, or if the format of the products
                needs a package that is not installed.
        """
        if self.journal == self.summary:
            text = f"{self.summary} is the name of a journal; name another file with -o"
            raise ConfigError([Problem("output", text)])
        prepare_output(self.summary, self.rejects, *(path for path in (self.report, self.changes) if path))
        if self.products:
            with suppress(ValueError):  # not a valid file name, which `prepare_output` reports
                self._check_conflicts(self.products)
            writer_for(self.products)
            prepare_output(self.products, key="products", flag="--products")

    def remove_leftovers(self) -> None:
        """Remove temporary files of killed runs. Call this only while holding the journal."""
        for path in (self.summary, self.rejects, self.report, self.products, self.changes):
            if path:
                remove_leftovers(path)

    def write(self, totals: Totals, catalogue: Catalogue) -> Changes | None:
        """Write all files except the report, then move them into place, the summary after the products.

        Files that this run does not have are removed: the dead letters if there are none, and the report of an earlier
        run, since it describes another summary. A run that failed leaves the file of the products as it was. The
        changes since the summary that is replaced are returned, if there is a file for them.

        Raises:
            OutputError: if a file cannot be written; the old files are then unchanged.
        """
        files: dict[Path, Iterable[bytes] | None] = {}
        if self.report:
            files[self.report] = None
        if self.products and totals.status != "failed":
            files[self.products] = writer_for(self.products)(catalogue, self.extra)
        with ExitStack() as stack:
            changes = None
            if self.changes:
                comparison = stack.enter_context(self._compare(catalogue))
                changes, files[self.changes] = comparison.changes, comparison.lines()
            files[self.summary] = _summary(totals, catalogue)
            files[self.rejects] = _none_if_empty(catalogue.dead_letters())
            write_files(files)
        return changes

    def _compare(self, catalogue: Catalogue) -> Comparison:
        """Compare a catalogue with the summary on disk; without a readable one, nothing can be compared."""
        new = RunSnapshot(catalogue)
        if not self.compared.exists():
            return Comparison(None, new)
        try:
            with closing(SummarySnapshot(self.compared)) as old:
                return Comparison(old, new)
        except (ConfigError, OutputError) as error:
            logger.warning("{}; nothing is compared with {}", error, self.compared)
            return Comparison(None, new)

    def write_report(self, page: bytes) -> Path:
        """Write the report and return its path; ``report`` must not be None.

        Raises:
            OutputError: if it cannot be written; there is no report then.
        """
        assert self.report is not None
        write_files({self.report: [page]})
        return self.report

    def _check_conflicts(self, products: Path) -> None:
        place = Path(os.path.realpath(products))
        for other in (self.summary, self.rejects, self.journal):
            if Path(os.path.realpath(other)) in (place, *place.parents):
                text = f"{products} would be in the way of {other}; name another place with --products"
                raise ConfigError([Problem("products", text)])


def report_file(summary: Path) -> Path:
    """Return the path of the report: ``out/report.html`` for ``out/summary.json``, ``out/x.report.html`` for others."""
    return summary.with_name("report.html" if summary.stem == "summary" else f"{summary.stem}.report.html")


def changes_file(summary: Path) -> Path:
    """Return the path of the changes: ``out/changes.jsonl`` for ``out/summary.json``, else with the summary's name."""
    return summary.with_name("changes.jsonl" if summary.stem == "summary" else f"{summary.stem}.changes.jsonl")


def _run_of(summary: Path) -> str | None:
    """Return the id of the run in a summary, None if it cannot be read."""
    try:
        return read_run(summary)
    except (OSError, ValueError):
        return None


def _summary(totals: Totals, catalogue: Catalogue) -> Iterator[bytes]:
    """Yield the JSON text, with one line per source, product and error, so that grep and diff work on it."""
    yield b'{"summary": ' + _encoder.encode(totals)
    yield from _array("sources", map(_encoder.encode, catalogue.sources))
    yield from _array("products", (lines.replace(b"\n", b",\n") for lines in catalogue.products()))
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


def _none_if_empty(chunks: Iterable[bytes]) -> Iterable[bytes] | None:
    rest = iter(chunks)
    first = next(rest, None)
    return None if first is None else chain([first], rest)
