"""Fixtures with all runs of the program, which start before the first test that needs one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from servers.endpoints import Endpoint
from servers.program import Ended
from servers.readings import Reading, read_all
from servers.software import missing
from servers.walks import SLOW, WALKS, walk


@dataclass
class Results:
    """The readings of endpoints without a limit, and the walks against limits."""

    readings: Mapping[Endpoint, Reading] = field(default_factory=dict)
    walks: dict[str, Ended] = field(default_factory=dict)


async def _run_all(endpoints: list[Endpoint], walks: list[str], directory: Path) -> Results:
    """Run everything; the slow walks, which mostly wait, do so during the rest."""
    results = Results()

    async def keep(name: str) -> None:
        results.walks[name] = await walk(name, directory / f"walk-{walks.index(name)}")

    async with trio.open_nursery() as nursery:
        for name in walks:
            if name in SLOW:
                nursery.start_soon(keep, name)
        results.readings = await read_all(endpoints, directory)
        for name in walks:
            if name not in SLOW:
                nursery.start_soon(keep, name)
    return results


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Run what the selected tests need, and can be started here."""
    parameters = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    endpoints = dict.fromkeys(each["endpoint"] for each in parameters if isinstance(each.get("endpoint"), Endpoint))
    walks = dict.fromkeys(each["walked"] for each in parameters if each.get("walked") in WALKS)
    return trio.run(
        _run_all,
        [each for each in endpoints if missing(each.software) is None],
        [each for each in walks if missing(WALKS[each][0]) is None],
        tmp_path_factory.mktemp("servers"),
    )


@pytest.fixture
def reading(endpoint: Endpoint, request: pytest.FixtureRequest) -> Reading:
    """Return the reading of the endpoint that the test is parametrized with."""
    if reason := missing(endpoint.software):
        pytest.skip(reason)
    results: Results = request.getfixturevalue("results")
    return results.readings[endpoint]


@pytest.fixture
def ended(walked: str, request: pytest.FixtureRequest) -> Ended:
    """Return the walk that the test is parametrized with."""
    if reason := missing(WALKS[walked][0]):
        pytest.skip(reason)
    results: Results = request.getfixturevalue("results")
    return results.walks[walked]
