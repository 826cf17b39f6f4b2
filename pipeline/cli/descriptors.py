"""How many connections the system lets this process have."""

import sys
from contextlib import suppress

# A thousand endpoints, each with all the requests that it may have under way, and some more.
WANTED = 16_384


def allow_many_connections() -> None:
    """Raise the soft limit of open files, which often is 1,024, as far as the hard one lets us; else leave it."""
    if sys.platform == "win32":  # it has no such limit
        return
    import resource  # noqa: PLC0415 - not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
