"""Databases that cannot be used, other writers, and the tables of other versions."""

import importlib.util
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from helpers.databases import execute, fetch, new_database
from loguru import logger
from store.nights import Night, Offer, products_in, store, write

from pipeline.config.store import resolve_store
from pipeline.errors import ConfigError, StoreError
from pipeline.store.database import VERSION_TABLE, Database
from pipeline.store.opening import open_store
from pipeline.store.tables import METADATA

NIGHT = Night({"shop": {"1": Offer()}})


def test_the_migrations_make_the_tables_that_the_program_uses(url: str) -> None:
    """After all migrations, the database has the tables and columns of `tables.py`, and no others."""
    store(url).prepare()
    with Database(url).transaction() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []


def test_a_database_of_a_newer_version_is_an_error(url: str) -> None:
    """The error says so, and the database is left as it is."""
    store(url).prepare()
    newer = f"UPDATE {VERSION_TABLE} SET version_num = '9999'"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(newer)
    else:
        execute(url, newer)
    with pytest.raises(ConfigError, match="its tables are of a newer version of this program"):
        store(url).prepare()
    assert fetch(url, f"SELECT * FROM {VERSION_TABLE}") == [("9999",)]


def test_tables_of_another_program_are_left_alone(url: str) -> None:
    """If a table has the name of one of the store's, the error names it, and a remedy."""
    foreign = "CREATE TABLE products (sku text)"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(foreign)
    else:
        execute(url, foreign)
    with pytest.raises(ConfigError, match=r"products.* already exists.*--no-store"):
        store(url).prepare()
    assert fetch(url, "SELECT count(*) FROM products") == [(0,)]


def test_two_runs_are_stored_one_after_the_other(url: str) -> None:
    """Two writers at once: the second waits for the first, and both are stored."""
    store(url).prepare()
    nights = [Night({f"shop{number}": {"1": Offer()}}, number) for number in range(4)]
    threads = [threading.Thread(target=write, args=(url, night)) for night in nights]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(products_in(url)) == 4
    assert fetch(url, "SELECT count(*) FROM runs") == [(4,)]


@pytest.mark.parametrize("place", ["/dev/null/x.db", "/proc/nothing/x.db"])
def test_a_file_that_cannot_be_made_is_an_error_before_the_run(place: str) -> None:
    """The error names the file and the remedy."""
    with pytest.raises(ConfigError, match=rf"cannot be used: sqlite:///{place}: .*--no-store"):
        store(f"sqlite:///{place}").prepare()


def test_a_file_that_is_not_a_database_is_an_error_before_the_run(tmp_path: Path) -> None:
    """A file of another kind is not touched."""
    (tmp_path / "x.db").write_text("not a database, " * 100)
    with pytest.raises(ConfigError, match="file is not a database"):
        store(f"sqlite:///{tmp_path}/x.db").prepare()
    assert (tmp_path / "x.db").read_text().startswith("not a database")


def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    """A new SQLite file may be in a folder that does not exist yet."""
    write(f"sqlite:///{tmp_path}/new/folder/x.db", NIGHT)
    assert (tmp_path / "new/folder/x.db").exists()
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == ["x.db"]


def test_a_server_that_refuses_is_an_error_before_the_run(server: str) -> None:
    """A database or user that does not exist is an error at once, without the password of the URL."""
    with pytest.raises(ConfigError, match=r'cannot be used: .*database "nowhere" does not exist') as caught:
        store(f"{server}/nowhere").prepare()
    url = server.replace("pipeline@", "unknown:geheim12@")
    with pytest.raises(ConfigError, match='role "unknown" does not exist'):
        store(f"{url}/postgres").prepare()
    assert "geheim12" not in str(caught.value)


def test_a_server_that_is_down_is_tried_again_at_the_end() -> None:
    """At the start it is only logged, without the password; at the end it is an error."""
    down = store("postgresql://me:geheim12@127.0.0.1:1/shop")
    lines: list[str] = []
    logger.enable("pipeline")
    logger.add(lines.append, format="{message}", level="ERROR")
    down.prepare()
    assert len(lines) == 1
    assert "the store does not answer: postgresql://***@127.0.0.1:1/shop: " in lines[0]
    assert "Connection refused" in lines[0]
    with pytest.raises(StoreError, match=r"^postgresql://\*\*\*@127.0.0.1:1/shop: .*Connection refused") as caught:
        down.write(NIGHT.totals, NIGHT)
    assert "geheim12" not in "".join(lines) + str(caught.value)


def test_a_server_that_dies_during_the_transaction_leaves_the_last_run(server: str) -> None:
    """If the connection is cut while a run is stored, the error says so, and the store is unchanged."""
    url = new_database(server)
    write(url, NIGHT)

    def cut() -> None:
        execute(
            f"{server}/postgres",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.rpartition('/')[2]}'",
        )

    night = Night({"shop": {"1": Offer(price="1.00")}}, 1)
    with pytest.raises(StoreError, match=r"terminating connection|closed the connection|connection is lost"):
        store(url).write(night.totals, night, cut)
    assert fetch(url, "SELECT run FROM runs") == [("run-0",)]


def test_a_missing_library_is_an_error_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error names the library and the extra."""
    find = importlib.util.find_spec
    monkeypatch.setattr("pipeline.store.opening.find_spec", lambda name: None if name == "alembic" else find(name))
    place = resolve_store("sqlite:///x.db", {})
    assert place is not None
    with pytest.raises(ConfigError, match=r"store: needs alembic; run pip install 'catalogue-pipeline\[store\]'"):
        open_store(place)


def test_several_stores_in_one_database_have_a_schema_each(server: str) -> None:
    """`search_path` in the URL chooses the schema, as docs/STORE.md describes."""
    url = new_database(server)
    for schema in ("shops", "books"):
        execute(url, f"CREATE SCHEMA {schema}")
        write(f"{url}?options=-csearch_path%3D{schema}", Night({schema: {"1": Offer()}}))
    assert fetch(url, "SELECT id FROM shops.products") == [("shops:1",)]
    assert fetch(url, "SELECT id FROM books.products") == [("books:1",)]


def test_a_file_can_be_backed_up_while_a_run_is_stored(tmp_path: Path) -> None:
    """`VACUUM INTO` during the transaction copies the last run."""
    url = f"sqlite:///{tmp_path}/catalogue.db"
    write(url, NIGHT)

    def back_up() -> None:
        with closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
            connection.execute("VACUUM INTO ?", (str(tmp_path / f"backup-{len(list(tmp_path.iterdir()))}.db"),))

    night = Night({"shop": {"1": Offer(price="1.00")}}, 1)
    store(url).write(night.totals, night, back_up)
    backups = list(tmp_path.glob("backup-*.db"))
    assert backups
    for backup in backups:
        assert fetch(f"sqlite:///{backup}", "SELECT run FROM runs") == [("run-0",)]


def test_the_second_night_is_fast_before_the_server_has_statistics(url: str) -> None:
    """15,000 products are stored a second time within seconds; joined row by row they would take a quarter minute."""
    offers = {str(number): Offer() for number in range(15_000)}
    write(url, Night({"shop": offers}, 0))
    started = time.monotonic()
    write(url, Night({"shop": dict(list(offers.items())[10:])}, 1))
    assert time.monotonic() - started < 5
