"""The files that a run writes: which they are, and that all of them change together."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import msgspec

from pipeline.config import Config
from pipeline.dead_letters import rejects_file
from pipeline.errors import ConfigError, Problem
from pipeline.model import Totals
from pipeline.report.aggregator import Aggregator, Catalogue
from pipeline.report.atomic import prepare_output, remove_leftovers
from pipeline.report.journal import journal_folder
from pipeline.report.products import ProductsFile
from pipeline.report.summary import write_summary


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
