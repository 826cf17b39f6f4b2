"""Read real server software from its URL alone: the pipeline, and dlt's automatic paginator.

``just bench-real [NAME…]``. A server serves both in turn, and its own log counts their requests. Records are compared
with the server's own database by id.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec
from measure import HERE, table
from servers.endpoints import ENDPOINTS, Endpoint
from servers.running import Server, start
from servers.software import ENVIRONMENT, missing

TIMEOUT = 120
COMPLETE = 0


class Reading(msgspec.Struct, frozen=True):
    """The exit code, or None after `TIMEOUT` seconds; the products of the database among the records; the requests."""

    code: int | None
    records: int
    requests: int

    def result(self, wanted: int) -> str:
        """Return the verdict. A reader that stops too early without a word is worse than one that reports it."""
        if self.code is None:
            return "no end"
        if self.code == COMPLETE:
            return "complete" if self.records == wanted else "silently short"
        return "all records, but an error" if self.records == wanted else "error"


def read(server: Server, command: Sequence[str], output: Path) -> Reading:
    """Run a reader, and count what it wrote and what it requested."""
    before = server.requests()
    try:
        code = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False, timeout=TIMEOUT).returncode
    except subprocess.TimeoutExpired:
        code = None
    ids = {str(each.id) for each in server.products()}
    return Reading(code, len(ids & set(found(output))), server.requests() - before)


def found(output: Path) -> list[str]:
    """Return the ids of the pipeline's products, or of dlt's records."""
    if not output.exists():
        return []
    if output.suffix == ".json":
        return [each["id"].partition(":")[2] for each in json.loads(output.read_bytes())["products"]]
    records = map(json.loads, output.read_text().splitlines())
    return [str(each["id"]) for each in records if "id" in each]


def read_with_both(server: Server, endpoint: Endpoint, folder: Path) -> tuple[Reading, Reading]:
    """Read one endpoint with the pipeline, then with dlt."""
    url = server.url + endpoint.path
    summary, records = folder / "summary.json", folder / "records.jsonl"
    settings = ["--no-progress", "--set", f"endpoints={json.dumps([{'name': 'shop', 'url': url}])}", "-o", str(summary)]
    return (
        read(server, [sys.executable, "-m", "pipeline", "run", *settings, "-t", str(TIMEOUT)], summary),
        read(server, [sys.executable, str(HERE / "peers" / "dlt_automatic.py"), str(records), url], records),
    )


def row(endpoint: Endpoint, wanted: int, readings: Sequence[Reading]) -> tuple[str, ...]:
    """Return a table row."""
    cells = ((each.result(wanted), f"{each.records}", f"{each.requests}") for each in readings)
    return (f"{endpoint.software} `{endpoint.path}`", f"{endpoint.pages}", *(cell for each in cells for cell in each))


@click.command()
@click.argument("names", nargs=-1)
def main(names: Sequence[str]) -> None:
    """Read the endpoints of all servers, or of those with these NAMES."""
    rows = []
    with ExitStack() as running, tempfile.TemporaryDirectory() as folder:
        servers: dict[str, Server] = {}
        for number, endpoint in enumerate(ENDPOINTS):
            name = endpoint.software
            if names and name not in names:
                continue
            if reason := missing(name):
                click.echo(f"{name} is left out: {reason}", err=True)
                continue
            if name not in servers:
                servers[name] = running.enter_context(start(name, Path(folder)))
            own = Path(folder) / str(number)
            own.mkdir()
            readings = read_with_both(servers[name], endpoint, own)
            rows.append(row(endpoint, len(servers[name].products()), readings))
    both = ("result", "records", "requests")
    table(("", "pages", *(f"pipeline: {each}" for each in both), *(f"dlt: {each}" for each in both)), *rows)


if __name__ == "__main__":
    main()
