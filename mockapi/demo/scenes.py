"""The scenes: five APIs, each with its faults."""

from collections.abc import Sequence

import msgspec

from mockapi.faults import parse_fault
from mockapi.settings import Settings

PAGES, PER_PAGE = 25, 20
# The pipeline's own defaults, which the demonstration shows.
RPS = BURST = 5
COOLDOWN = 15.0


class Scene(msgspec.Struct, frozen=True):
    """One API with its own name: its persona, its faults, and a description.

    ``rate_limit`` is the limit that the server enforces, in requests per second; 0 means none.
    """

    name: str
    title: str
    plot: str
    persona: str = "api1"
    faults: Sequence[str] = ()
    pages: int = PAGES
    rate_limit: float = 0

    @property
    def settings(self) -> Settings:
        """Return the settings of its mock, which listens on a free port."""
        return Settings(
            personas=[self.persona],
            ports=[0],
            pages=self.pages,
            per_page=PER_PAGE,
            faults=[parse_fault(f"{self.persona}:{fault}") for fault in self.faults],
            rate_limit=self.rate_limit,
            burst=BURST,
        )


SCENES = (
    Scene("steady", "The rate is kept", f"a healthy API that allows {RPS} requests per second", rate_limit=RPS),
    Scene("busy", "Backoff", "answers 429 three times on page 3", persona="api2", faults=["3:429x3"]),
    Scene(
        "outage",
        "Circuit, outage and recovery",
        "fails with 503 three times on page 8, then recovers",
        persona="api3",
        faults=["8:503x3"],
    ),
    Scene("dead", "A dead endpoint", "resets every connection", faults=["*:reset"]),
    Scene(
        "dirty",
        "Dirty data",
        "has odd records on page 2 and sends HTML as page 4",
        persona="api2",
        faults=["2:dirty", "4:html"],
        pages=6,
    ),
)
