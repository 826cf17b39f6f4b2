"""A database that a URL names: SQLite or PostgreSQL, with one writer at a time, and the tables of this version."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.command
import alembic.config
import sqlalchemy
from alembic.util import CommandError
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from pipeline.errors import StoreError, StoreUnreachableError

VERSION_TABLE = "pipeline_schema"

# Seconds that a transaction waits for another writer, and that a server has to accept a connection.
_PATIENCE = 60
_CONNECT_TIMEOUT = 10

# Identifies the lock of this program among the advisory locks of a PostgreSQL database; any number is fine.
_LOCK = 7_305_120_993


class Database:
    """A database: SQLite in a file, or PostgreSQL by psycopg. A connection is opened for each transaction."""

    def __init__(self, url: str) -> None:
        parsed = sqlalchemy.make_url(url)
        self.is_sqlite = parsed.drivername == "sqlite"
        self._path = Path(parsed.database or "") if self.is_sqlite else None
        if self.is_sqlite:
            self._engine = sqlalchemy.create_engine(parsed, poolclass=NullPool, connect_args={"timeout": _PATIENCE})
            event.listen(self._engine, "connect", _configure_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        else:
            self._engine = sqlalchemy.create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                poolclass=NullPool,
                connect_args={"connect_timeout": _CONNECT_TIMEOUT},
            )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Begin a transaction, bring the tables to this version, and commit at the end of the block.

        Other writers wait; readers see the state before it until it is committed. An exception rolls it back.

        Raises:
            StoreError: if the database cannot be reached or written, or is of a newer version of this program.
        """
        try:
            if self._path:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._engine.begin() as connection:
                if not self.is_sqlite:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}s'")
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                _migrate(connection)
                yield connection
        except OperationalError as error:
            text = _first_line(error.orig or error)
            is_refused = self.is_sqlite or "FATAL:" in text  # by the server itself: a password, a name of a database
            raise (StoreError if is_refused else StoreUnreachableError)(text) from error
        except DBAPIError as error:
            raise StoreError(_first_line(error.orig or error)) from error
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise StoreError(_first_line(error)) from error


def _configure_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The begin is ours: sqlite3's own one comes after CREATE TABLE, and takes no lock for writing.
    connection.isolation_level = None
    # With a write-ahead log, readers go on during a transaction.
    connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", "pipeline.store:migrations")
    config.attributes["connection"] = connection
    try:
        alembic.command.upgrade(config, "head")
    except CommandError as error:
        text = f"its tables are of a newer version of this program ({_first_line(error)}); update this one"
        raise StoreError(text) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [repr(error)])[0]
