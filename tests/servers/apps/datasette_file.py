"""SQLite file for Datasette, which publishes each table that it finds: `datasette serve catalogue.db`."""

import os
import sqlite3
from contextlib import closing

from servers.catalogue import make_catalogue


def fill(path: str) -> None:
    """Create the table and fill it; SQLite keeps the prices as floats, so the API returns JSON numbers."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE products (id INTEGER PRIMARY KEY, title TEXT, price REAL, currency TEXT, category TEXT)"
        )
        database.executemany(
            "INSERT INTO products VALUES (?, ?, ?, ?, ?)",
            [(each.id, each.title, float(each.price), each.currency, each.category) for each in make_catalogue()],
        )


if __name__ == "__main__":
    fill(os.environ["SERVER_DATABASE"])
