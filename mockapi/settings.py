"""How the mocks are set up."""

from collections.abc import Sequence

import msgspec

from mockapi.faults import PERSONAS, Fault


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What all personas share. Times are seconds; ``rate_limit`` is in requests a second, 0 for none.

    ``ports`` has one port per persona of ``PERSONAS``; 0 takes a free one.
    """

    seed: int = 1
    pages: int = 7
    per_page: int = 20
    error_rate: float = 0.0
    latency: float = 0.0
    rate_limit: float = 0.0
    burst: int = 5
    faults: Sequence[Fault] = ()
    host: str = "127.0.0.1"
    ports: Sequence[int] = (8001, 8002, 8003)
    personas: Sequence[str] = PERSONAS
