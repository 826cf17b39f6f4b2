"""Start real servers on the loopback interface, with a log of the requests that they answered.

    with start("datasette", tmp_path) as server:
        ...  # server.url, server.products(), server.requests(), server.refused()

A server runs on a free port, and stops at the end of the block. `start` probes it until it answers. Probes come from
127.0.0.2: they use up no limit, since limits are per client address, and `answers` leaves them out.
The log is the access log that the server writes itself.
"""

import http.client
import json
import random
import re
import socket
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import trio

from servers.catalogue import Product
from servers.software import ENVIRONMENT, HERE, HOST, PATH, PYTHON, SOFTWARE, Software, missing

PROBE_HOST = "127.0.0.2"
START_SECONDS = 60
STOP_SECONDS = 10
REFUSALS = (429, 503)
COLUMNS = "id, title, price, currency, category"

_ANSWERED = re.compile(
    r'(?P<client>\d+\.\d+\.\d+\.\d+)\b.*?"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[\d.]+" (?P<status>\d{3})'
)


@dataclass(frozen=True)
class Answer:
    """One request of the log, with its status."""

    target: str
    status: int


@dataclass
class Server:
    """A running server."""

    url: str
    software: Software
    database: Path
    log: Path
    process: subprocess.Popen[bytes]

    def answers(self) -> list[Answer]:
        """Return the requests that were answered, but for probes; wait until the log is complete."""
        text = self.log.read_text("utf-8", "replace")
        while True:
            time.sleep(0.1)
            before, text = text, self.log.read_text("utf-8", "replace")
            if before == text:
                break
        found = [each for line in text.splitlines() if (each := _ANSWERED.search(line))]
        return [Answer(each["target"], int(each["status"])) for each in found if each["client"] != PROBE_HOST]

    def requests(self) -> int:
        """Count the requests."""
        return len(self.answers())

    def refused(self) -> int:
        """Count the requests that a limit refused."""
        return sum(each.status in REFUSALS for each in self.answers())

    def products(self) -> list[Product]:
        """Read the catalogue from the server's own database."""
        if self.software.table is None:
            document = json.loads(self.database.read_text("utf-8"), parse_float=Decimal)
            rows = [tuple(each[key] for key in COLUMNS.split(", ")) for each in document["products"]]
        else:
            with closing(sqlite3.connect(self.database)) as database:
                rows = database.execute(f"SELECT {COLUMNS} FROM {self.software.table} ORDER BY id").fetchall()
        return [Product(int(number), title, Decimal(str(price)), *rest) for number, title, price, *rest in rows]


@contextmanager
def start(name: str, directory: Path, **environment: str) -> Iterator[Server]:
    """Start a server by its name in SOFTWARE, with what it proxies for; `environment` adds to its variables.

    `directory` receives the database, the configuration and the log, in a folder named like the server.
    """
    if reason := missing(name):
        raise RuntimeError(reason)
    software = SOFTWARE[name]
    if software.upstream is None:
        with _start(name, directory / name, "", environment) as server:
            yield server
    else:
        with (
            start(software.upstream, directory, **environment) as upstream,
            _start(name, directory / name, upstream.url.removeprefix("http://"), {}) as server,
        ):
            server.software, server.database = upstream.software, upstream.database
            yield server


@asynccontextmanager
async def serving(name: str, directory: Path) -> AsyncIterator[Server]:
    """Start a server as `start` does, without blocking other tasks."""
    with ExitStack() as stack:
        yield await trio.to_thread.run_sync(stack.enter_context, start(name, directory))


@contextmanager
def _start(name: str, directory: Path, upstream: str, environment: Mapping[str, str]) -> Iterator[Server]:
    software = SOFTWARE[name]
    directory.mkdir(parents=True)
    database = directory / ("db.json" if name == "json-server" else "catalogue.db")
    log = directory / "server.log"
    port = _free_port()
    variables = ENVIRONMENT | {
        "PATH": PATH,
        "PYTHONPATH": str(HERE.parent),
        "PYTHONUNBUFFERED": "1",
        "SERVER_DATABASE": str(database),
        **software.environment,
        **environment,
    }
    if software.fill is not None:
        subprocess.run([PYTHON, "-m", software.fill], cwd=directory, env=variables, check=True)
    places = {
        "directory": directory, "port": port, "log": log, "database": database, "upstream": upstream,
        **software.settings,
    }  # fmt: skip
    if software.config is not None:
        template = (HERE / "apps" / software.config).read_text("utf-8")
        (directory / software.config).write_text(template.format(**places), encoding="utf-8")
    command = [part.format(**places) for part in software.command]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=directory, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(name, process, port, log)
        yield Server(f"http://{HOST}:{port}", software, database, log, process)
    finally:
        _stop(process)


def _free_port() -> int:
    """Return a port that no outgoing connection takes before the server does: these begin at 32768."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


def _wait_until_ready(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=START_SECONDS, source_address=(PROBE_HOST, 0))
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        time.sleep(0.05)
    ended = process.poll()
    what = f"did not answer within {START_SECONDS} s" if ended is None else f"ended with status {ended}"
    raise RuntimeError(f"{name} {what}:\n{log.read_text('utf-8', 'replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
