"""The tables about the mock APIs."""

import sys

from docs.markdown import code, described_flags, table
from mockapi.cli import main
from mockapi.credentials import HELP
from mockapi.faults import KINDS
from mockapi.feed import Feed
from mockapi.frameworks import FRAMEWORKS
from mockapi.personas import NAMES, POSTED, path, usual_port
from mockapi.shops import SHOPS


def personas() -> str:
    """Return a table of all personas, with their URLs and peculiarities."""
    rows = [(code(name), code(f"http://127.0.0.1:{usual_port(name)}{path(name)}"), _about(name)) for name in NAMES]
    return table(("persona", "products at", ""), rows)


def credentials() -> str:
    """Return the credentials that the mocks accept."""
    return HELP


def flags() -> str:
    """Return a table of all flags of the mocks."""
    return table(("flag", ""), described_flags(main, main))


def faults() -> str:
    """Return a table of all kinds of faults that can be scripted."""
    return table(("kind", ""), [(code(kind), text) for kind, text in KINDS.items()])


def _about(name: str) -> str:
    every = {**SHOPS, **POSTED, Feed.name: Feed}
    module = every[name].__module__ if name in every else "mockapi.plain"
    home = FRAMEWORKS[name] if name in FRAMEWORKS else sys.modules[module]
    return (home.__doc__ or "").partition("\n")[0].replace("``", "`")
