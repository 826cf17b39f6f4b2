"""Databases for the tests of the store: SQLite, and PostgreSQL as the operating system ships it."""

import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg

SUPERUSER = "pipeline"


@cache
def programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs: that of the PATH, or the newest one of Debian."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return folders[-1] if folders else None


def unavailable() -> str | None:
    """Return why PostgreSQL cannot be started here, None if it can."""
    if programs() is None:
        return "PostgreSQL is not installed (apt-get install postgresql)"
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "PostgreSQL refuses to run as root, and runuser is not installed"
    return None


def _run(*command: str) -> None:
    """Run a program of PostgreSQL, which does not run as root."""
    folder = programs()
    assert folder is not None
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, str(folder / command[0]), *command[1:]], cwd="/", check=True, stdout=subprocess.DEVNULL)


@contextmanager
def postgresql(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start a server on a free port of loopback, with its own settings otherwise; yield its URL without a database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with TemporaryDirectory(prefix="pipeline-postgresql-") as folder:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = f"{folder}/data"
        _run("initdb", "-D", data, "-A", "trust", "-U", SUPERUSER, "--no-sync", "-E", "UTF8")
        own = {"listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "port": str(port)}
        options = " ".join(f"-c {name}={value}" for name, value in {**own, **(settings or {})}.items())
        _run("pg_ctl", "-D", data, "-l", f"{folder}/log", "-o", options, "-w", "start")
        try:
            yield f"postgresql://{SUPERUSER}@127.0.0.1:{port}"
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def new_database(server: str) -> str:
    """Create a database on a server, and return its URL."""
    name = f"shop_{uuid4().hex}"
    execute(f"{server}/postgres", f"CREATE DATABASE {name}")
    return f"{server}/{name}"


def copy_of(url: str) -> str:
    """Return the URL of a copy of a database that has no connections."""
    if url.startswith("sqlite"):
        copy = Path(url.removeprefix("sqlite:///")).with_name(f"{uuid4().hex}.db")
        shutil.copy(url.removeprefix("sqlite:///"), copy)
        return f"sqlite:///{copy}"
    server, _, name = url.rpartition("/")
    copied = f"shop_{uuid4().hex}"
    execute(f"{server}/postgres", f"CREATE DATABASE {copied} TEMPLATE {name}")
    return f"{server}/{copied}"


def execute(url: str, statement: str) -> None:
    """Execute a statement outside a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def fetch(url: str, query: str) -> Sequence[tuple[object, ...]]:
    """Return the rows of a query in either database, as a user's own program reads them."""
    return fetch_at_once(url, query)[0]


def fetch_at_once(url: str, *queries: str) -> Sequence[Sequence[tuple[object, ...]]]:
    """Return the rows of several queries, which all see the same state."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("BEGIN")
            return [connection.execute(query).fetchall() for query in queries]
    with psycopg.connect(url) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return [session.execute(query.encode()).fetchall() for query in queries]
