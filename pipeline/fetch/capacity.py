"""Walk as many endpoints at once as the process can carry; the others wait."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import trio

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.bulkhead import Bulkhead
from pipeline.model.pages import Page

# More walks at once do not make one event loop faster.
MOST_AT_ONCE = 1_000

# Descriptors for the files of the run, the threads and the standard streams.
_RESERVED = 64

# The memory of one walk with its connections and the page in hand, in bytes, with room to spare.
_OF_ONE_WALK = 512 * 1024


async def walk_all(
    sources: Sequence[Bulkhead],
    send: trio.MemorySendChannel[Page],
    *,
    at_once: int,
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Walk sources to their ends, ``at_once`` of them at a time; closes ``send``.

    Once ``is_over`` returns True, no further walk begins, except for the first ``at_once``: a slice of any length makes
    progress. If cancelled, the pages that have arrived are sent.
    """
    waiting = iter(sources)
    with send:
        async with trio.open_nursery() as nursery:
            for _ in range(min(at_once, len(sources))):
                nursery.start_soon(_walk_each, waiting, send.clone(), is_over)


async def _walk_each(
    waiting: Iterator[Bulkhead], send: trio.MemorySendChannel[Page], is_over: Callable[[], bool]
) -> None:
    with send:
        for source in waiting:
            await source.run(send.clone())
            if is_over():
                return


def walks_at_once(endpoints: Sequence[ResolvedEndpoint]) -> int:
    """Return the number of endpoints that can be walked at once, between 1 and ``MOST_AT_ONCE``.

    Each may have as many connections open as its ``rate_limit.concurrency`` permits. All of them together use at most
    half of the memory.
    """
    connections = max((endpoint.rate_limit.concurrency for endpoint in endpoints), default=1)
    limits = (MOST_AT_ONCE, (_descriptors() - _RESERVED) / connections, _memory() / 2 / _OF_ONE_WALK)
    return int(max(1, min(limits)))


def _descriptors() -> float:
    """Return the number of files that the process may have open; infinity without a limit."""
    if sys.platform == "win32":
        return float("inf")
    import resource  # noqa: PLC0415 - missing on Windows

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if soft == resource.RLIM_INFINITY else soft


def _memory() -> float:
    """Return the memory of the machine or of the container, in bytes; infinity if that is unknown."""
    found = [float("inf")]
    with suppress(AttributeError, OSError, ValueError):  # missing on Windows
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # "max" is not a number
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(found)
