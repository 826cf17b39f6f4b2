"""The products as a file of their own, for whoever loads them elsewhere: its suffix is its format."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from pipeline.config import Config
from pipeline.dead_letters import rejects_file
from pipeline.errors import ConfigError, Problem
from pipeline.report.aggregator import Catalogue
from pipeline.report.atomic import prepare_output
from pipeline.report.csv_products import csv_chunks
from pipeline.report.journal import journal_folder


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
            from pipeline.report.parquet_products import parquet_chunks  # noqa: PLC0415 - pyarrow is large, and optional
        except ImportError as error:
            remedy = "pip install 'pipeline[parquet]', in a clone `uv sync --extra parquet`"
            raise ConfigError([Problem("products", f"{self.path} needs pyarrow ({error}): {remedy}")]) from error
        return parquet_chunks
