"""The store of a catalogue: the entrance to this package for the run."""

from collections.abc import Callable

from loguru import logger

from pipeline.config.store import StorePlace
from pipeline.errors import ConfigError, Problem, StoreError, StoreUnreachableError
from pipeline.model.stored import Stored
from pipeline.model.summary import Totals
from pipeline.output.snapshots import Snapshot
from pipeline.store.database import Database
from pipeline.store.history import HistoryWriter


class CatalogueStore:
    """The history of a catalogue in a database, one transaction for each run."""

    def __init__(self, place: StorePlace) -> None:
        self.place = place.shown
        self._secrets = place.secrets
        self._database = Database(place.url)

    def check(self) -> None:
        """Connect, and bring the tables to this version.

        Raises:
            ConfigError: if the database cannot be used.
            StoreUnreachableError: if its server does not answer.
        """
        try:
            with self._database.transaction():
                pass
        except StoreUnreachableError as error:
            raise StoreUnreachableError(self._reason(error)) from error
        except StoreError as error:
            wrong = f"cannot be used: {self._reason(error)}; correct it, or run with --no-store"
            raise ConfigError([Problem("store", wrong)]) from error

    def prepare(self) -> None:
        """Do the same before a run; that its server does not answer yet is only logged.

        Raises:
            ConfigError: if the database cannot be used.
        """
        try:
            self.check()
        except StoreUnreachableError as error:
            logger.error("the store does not answer: {}; the run goes on, and tries it again at its end", error)

    def write(self, totals: Totals, snapshot: Snapshot, checkpoint: Callable[[], None] = lambda: None) -> Stored:
        """Write a run that did not fail, in one transaction; to write it again changes nothing.

        ``checkpoint`` is called every few thousand products. If it raises, the store is unchanged.

        Raises:
            StoreError: if the run cannot be written; the store is unchanged.
        """
        try:
            with self._database.transaction() as connection:
                return HistoryWriter(connection, totals, snapshot).write(checkpoint)
        except StoreError as error:
            raise StoreError(self._reason(error)) from error

    def _reason(self, error: StoreError) -> str:
        return f"{self.place}: {self._secrets.redact(str(error))}"
