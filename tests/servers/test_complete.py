"""Servers without a limit, each from its URL alone: the program reads them completely, and its commands agree."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from servers.catalogue import COUNT, Product
from servers.endpoints import DATASETTE_ARRAYS, ENDPOINTS, Endpoint
from servers.program import Ended, call, run
from servers.running import Server, serving
from servers.software import missing

# A server answers one command at a time, so that its log shows whose requests they are. This many endpoints share one.
PER_SERVER = 4
TIMEOUT = 120
DRAFT = "shops.yaml"


@dataclass(frozen=True)
class Reading:
    """All commands on one endpoint, and the products in the server's own database."""

    truth: list[Product]
    run: Ended
    init: Ended
    drafted: Ended | None = None
    preview: Ended | None = None
    check: Ended | None = None


async def read(server: Server, endpoint: Endpoint, directory: Path) -> Reading:
    """Run all commands on one endpoint; those that need the draft of `init` run only if there is one."""
    url = server.url + endpoint.path
    alone, described = directory / "alone", directory / "described"
    alone.mkdir(parents=True)
    described.mkdir()
    ended = await run(server, alone, [{"name": "shop", "url": url}], TIMEOUT)
    init = await call(server, described, "init", "-c", DRAFT, url)
    if not (described / DRAFT).exists():
        return Reading(server.products(), ended, init)
    return Reading(
        truth=server.products(),
        run=ended,
        init=init,
        preview=await call(server, described, "preview", "-c", DRAFT),
        check=await call(server, described, "check", "-c", DRAFT),
        drafted=await call(server, described, "run", "--no-progress", "-c", DRAFT, "-o", "summary.json"),
    )


async def read_all(endpoints: list[Endpoint], directory: Path) -> Mapping[Endpoint, Reading]:
    """Read the endpoints of several servers at once, and those of one server in turn."""
    readings: dict[Endpoint, Reading] = {}

    async def read_in_turn(name: str, share: list[Endpoint], folder: Path) -> None:
        async with serving(name, folder) as server:
            for number, endpoint in enumerate(share):
                readings[endpoint] = await read(server, endpoint, folder / str(number))

    async with trio.open_nursery() as nursery:
        for name in dict.fromkeys(each.software for each in endpoints if missing(each.software) is None):
            mine = [each for each in endpoints if each.software == name]
            for first in range(0, len(mine), PER_SERVER):
                share = mine[first : first + PER_SERVER]
                nursery.start_soon(read_in_turn, name, share, directory / f"{name}-{first}")
    return readings


@pytest.fixture(scope="module")
def readings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Endpoint, Reading]:
    """Read the endpoints of the selected tests."""
    parameters = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    selected = {each["endpoint"] for each in parameters if "endpoint" in each}
    chosen = [each for each in (*ENDPOINTS, DATASETTE_ARRAYS) if each in selected]
    return trio.run(read_all, chosen, tmp_path_factory.mktemp("servers"))


@pytest.fixture
def reading(endpoint: Endpoint, readings: Mapping[Endpoint, Reading]) -> Reading:
    if reason := missing(endpoint.software):
        pytest.skip(reason)
    return readings[endpoint]


each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)


def only_source(ended: Ended) -> str:
    assert ended.document is not None, ended.report
    (source,) = ended.document["sources"]
    name: str = source["name"]
    return name


@each_endpoint
def test_reads_everything_from_the_url_alone(endpoint: Endpoint, reading: Reading) -> None:
    """A run on nothing but a URL is complete, and its products and exact prices are those of the server's database."""
    assert len(reading.truth) == COUNT
    assert reading.run.code == 0, reading.run.report
    assert reading.run.document["summary"]["status"] == "complete"
    assert reading.run.products() == reading.truth


@each_endpoint
def test_makes_at_most_two_requests_more_than_there_are_pages(endpoint: Endpoint, reading: Reading) -> None:
    """A run on nothing but a URL requests each page once; finding the style and the end takes two more at most."""
    assert endpoint.pages <= len(reading.run.answers) <= endpoint.pages + 2, reading.run.report


@each_endpoint
def test_a_run_of_the_draft_reads_everything(endpoint: Endpoint, reading: Reading) -> None:
    """The draft that `init` writes for a URL runs as it is, and reads everything too."""
    assert reading.init.code == 0, reading.init.report
    assert reading.drafted is not None, reading.init.report
    assert reading.drafted.code == 0, reading.drafted.report
    assert reading.drafted.document["summary"]["status"] == "complete"
    assert reading.drafted.products(only_source(reading.drafted)) == reading.truth
    assert endpoint.pages <= len(reading.drafted.answers) <= endpoint.pages + 2, reading.drafted.report


@each_endpoint
def test_init_preview_and_check_see_the_first_page_of_the_run(endpoint: Endpoint, reading: Reading) -> None:
    """`init`, `preview` and `check` report as many records as the first page of the run has."""
    assert reading.preview is not None, reading.init.report
    assert reading.check is not None, reading.init.report
    assert reading.preview.code == reading.check.code == 0, reading.preview.report + reading.check.report
    size = min(endpoint.size, COUNT)
    for ended in (reading.init, reading.preview):
        seen = re.search(r"([\d,]+) records\b", ended.stdout)
        assert seen is not None, ended.report
        assert int(seen[1].replace(",", "")) == size, ended.report
    header, row, *_ = reading.check.stdout.splitlines()
    assert int(row[: header.index("records") + len("records")].split()[-1].replace(",", "")) == size, (
        reading.check.report
    )


@pytest.mark.parametrize("endpoint", [DATASETTE_ARRAYS], ids=lambda each: each.name)
def test_arrays_instead_of_records_are_no_success(endpoint: Endpoint, reading: Reading) -> None:
    """Records without names of their fields cannot be read, and the exit code says so."""
    assert reading.run.code in {1, 3}, reading.run.report
