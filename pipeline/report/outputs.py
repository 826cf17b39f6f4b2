"""The files that a run writes: which they are, and that all of them change together."""

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


class Outputs(msgspec.Struct, frozen=True):
    """The summary, what lies beside it under names of its own, and the products alone, if that is asked for."""

    summary: Path
    products: ProductsFile | None

    @classmethod
    def of(cls, config: Config) -> Self:
        """The files that a configuration asks for."""
        return cls(Path(config.output), ProductsFile.of(config))

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
        prepare_output(self.summary, self.rejects)
        if self.products:
            self.products.prepare(self.summary)

    def remove_leftovers(self) -> None:
        """Clear away what killed runs left; only who holds the journal may."""
        for path in (self.summary, self.rejects, *([self.products.path] if self.products else ())):
            remove_leftovers(path)

    def write(self, totals: Totals, catalogue: Catalogue, aggregator: Aggregator) -> None:
        """Write all of them, and move them into place.

        Raises:
            OutputError: when they cannot be written; the old files are untouched then.
        """
        rejected = any(source.rejected for source in catalogue.sources)
        dead_letters = aggregator.dead_letters(catalogue) if rejected else None
        alone = aggregator.products(catalogue)
        others = {self.products.path: self.products.chunks(catalogue, alone)} if self.products else {}
        write_summary(self.summary, totals, catalogue, aggregator.products(catalogue), dead_letters, others=others)
