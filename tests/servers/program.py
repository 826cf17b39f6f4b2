"""The program as a process against one real server, seen from both sides."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import trio

from servers.catalogue import Product
from servers.running import REFUSALS, Answer, Server
from servers.software import ENVIRONMENT


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code, its output, and the requests that the server answered meanwhile."""

    code: int
    stdout: str
    stderr: str
    answers: tuple[Answer, ...]
    seconds: float
    document: dict[str, Any] | None = None

    @property
    def refused(self) -> int:
        """Number of the requests that a limit refused."""
        return sum(each.status in REFUSALS for each in self.answers)

    def products(self, name: str = "shop") -> list[Product]:
        """Return the products of a source by id, with exact prices."""
        assert self.document is not None, self.stderr
        found = [each for each in self.document["products"] if each["source"] == name]
        return sorted(
            (
                Product(
                    id=int(each["id"].partition(":")[2]),
                    title=each["title"],
                    price=each["price"],
                    currency=each["currency"],
                    category=each["category"],
                )
                for each in found
            ),
            key=lambda product: product.id,
        )

    @property
    def report(self) -> str:
        """What happened, for the message of a failed test."""
        requests = "\n".join(f"{each.status} {each.target}" for each in self.answers)
        return f"exit code {self.code} after {self.seconds:.1f} s\n{self.stdout}\n{self.stderr}\n{requests}"


async def call(server: Server, directory: Path, *arguments: str) -> Ended:
    """Run a command in a directory; a summary that it leaves in ``summary.json`` is the result's document."""
    before = len(server.answers())
    started = time.monotonic()
    done = await trio.run_process(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=directory,
        env=ENVIRONMENT,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    seconds = time.monotonic() - started
    summary = directory / "summary.json"
    document = json.loads(summary.read_bytes(), parse_float=Decimal, parse_int=Decimal) if summary.exists() else None
    answers = tuple(server.answers()[before:])
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode(), answers, seconds, document)


async def run(server: Server, directory: Path, endpoints: Sequence[dict[str, Any]], timeout: int) -> Ended:
    """Run the program on endpoints that nothing else describes."""
    settings = ("--no-progress", "--set", f"endpoints={json.dumps(endpoints)}", "-o", "summary.json")
    return await call(server, directory, "run", *settings, "-t", str(timeout))
