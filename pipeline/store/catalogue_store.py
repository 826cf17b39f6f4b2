"""The store of a catalogue: the entrance to this package for the run."""

from collections.abc import Callable

from loguru import logger

from pipeline.config.store import StorePlace
from pipeline.errors import ConfigError, Problem, StoreError, StoreUnreachableError
from pipeline.model.stored import Stored
from pipeline.model.summary import Totals
from pipeline.output.snapshots import Snapshot
from pipeline.store.database import Database
from pipeline.store.history import Night


class CatalogueStore:
    """The history of a catalogue in a database, one transaction for each run."""

    def __init__(self, place: StorePlace) -> None:
        self.place = place.shown
        self._secrets = place.secrets
        self._database = Database(place.url)

    def prepare(self) -> None:
        """Connect, and bring the tables to this version. A server that cannot be reached yet is only logged.

        Raises:
            ConfigError: if the database cannot be used.
        """
        try:
            with self._database.transaction():
                pass
        except StoreUnreachableError as error:
            text = "the store {} cannot be reached: {}; the run goes on, and tries it again at its end"
            logger.error(text, self.place, self._secrets.redact(str(error)))
        except StoreError as error:
            wrong = f"{self.place} cannot be used: {self._secrets.redact(str(error))}"
            raise ConfigError([Problem("store", f"{wrong}; correct it, or run with --no-store")]) from error

    def write(self, totals: Totals, snapshot: Snapshot, checkpoint: Callable[[], None] = lambda: None) -> Stored:
        """Write a run that did not fail, in one transaction; to write it again changes nothing.

        ``checkpoint`` is called every few thousand products. If it raises, the store is unchanged.

        Raises:
            StoreError: if the run cannot be written; the store is unchanged.
        """
        try:
            with self._database.transaction() as connection:
                counts = Night(connection, totals, snapshot).write(checkpoint)
        except StoreError as error:
            raise StoreError(f"{self.place}: {self._secrets.redact(str(error))}") from error
        return Stored(self.place, *counts)
