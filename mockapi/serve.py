"""Serve the personas with Hypercorn on Trio, each on its own port."""

import errno
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve

from mockapi.app import Persona
from mockapi.front import ResettingFront
from mockapi.settings import Settings

# Maximum time that pending requests may delay the shutdown.
GRACE_SECONDS = 0.5


class ListenError(Exception):
    """A persona cannot listen on its host and port."""


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Mapping[str, str]]:
    """Serve the personas while the block runs, and yield their base URLs by name when all are ready.

    If cancelled, the servers are closed and pending requests are cut off.

    Raises:
        ListenError: if a port is taken or the host is not one of this machine; names both.
    """
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        urls = {}
        for name, port in settings.listening.items():
            urls[name] = await _start(nursery, Persona(name, settings), port, stop)
        try:
            yield urls
        finally:
            stop.set()


async def _start(nursery: trio.Nursery, persona: Persona, port: int, stop: trio.Event) -> str:
    host = persona.settings.host
    serve = _serve_behind_front if persona.script.breaks_connections else _serve_app
    try:
        bound: int = await nursery.start(serve, persona, host, port, stop)
    except (OSError, BaseExceptionGroup) as error:
        refused = next((leaf for leaf in _leaves(error) if isinstance(leaf, OSError)), None)
        if refused is None:
            raise
        if refused.errno == errno.EADDRINUSE:
            text = f"port {port} of {persona.name} is in use; stop the mocks on it, or choose other ports with --ports"
        else:
            text = (
                f"{persona.name} cannot listen on {host}:{port}: {refused.strerror or refused}; see --host and --ports"
            )
        raise ListenError(text) from None
    return f"http://{host}:{bound}"


async def _serve_app(
    persona: Persona,
    host: str,
    port: int,
    stop: trio.Event,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    config = Config()
    config.bind = [f"{host}:{port}"]
    config.graceful_timeout = GRACE_SECONDS
    # Hypercorn logs a truncated answer as an error; here it is deliberate.
    config.loglevel = "CRITICAL"
    app: Any = persona.app()
    async with trio.open_nursery() as nursery:
        binds = await nursery.start(partial(hypercorn_serve, app, config, shutdown_trigger=stop.wait, mode="asgi"))
        task_status.started(int(binds[0].rpartition(":")[2]))


async def _serve_behind_front(
    persona: Persona,
    host: str,
    port: int,
    stop: trio.Event,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    async with trio.open_nursery() as nursery:
        hidden = await nursery.start(_serve_app, persona, "127.0.0.1", 0, stop)
        front = ResettingFront(persona, hidden)
        listeners = await nursery.start(partial(trio.serve_tcp, front.serve, port, host=host))
        task_status.started(listeners[0].socket.getsockname()[1])
        await stop.wait()
        nursery.cancel_scope.cancel()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    else:
        yield error
