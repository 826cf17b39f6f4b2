"""The scenes: five APIs, and what is done to each."""

from collections.abc import Sequence

import msgspec

from mockapi.faults import parse_fault
from mockapi.settings import Settings

PAGES, PER_PAGE = 25, 20
# The pipeline's own defaults, which are what is shown.
RPS = BURST = 5
COOLDOWN = 15.0


class Scene(msgspec.Struct, frozen=True):
    """One API under a name of its own: which persona plays it, with what faults, and what there is to see.

    ``rate_limit`` is what the server itself enforces, in requests a second; 0 is nothing.
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
        """The mock that plays it, on a free port."""
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
    Scene("steady", "The rate is held", f"a healthy API that allows {RPS} requests a second", rate_limit=RPS),
    Scene("busy", "Backoff", "answers 429 three times on page 3", persona="api2", faults=["3:429x3"]),
    Scene(
        "outage",
        "Circuit, outage and recovery",
        "fails with 503 three times on page 8, then recovers",
        persona="api3",
        faults=["8:503x3"],
    ),
    Scene("dead", "A dead endpoint", "breaks every connection", faults=["*:reset"]),
    Scene(
        "dirty",
        "Dirty data",
        "has odd records on page 2, and HTML for page 4",
        persona="api2",
        faults=["2:dirty", "4:html"],
        pages=6,
    ),
)
