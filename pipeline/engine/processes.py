"""An engine of processes on this machine, from the standard library."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import Event
from types import TracebackType
from typing import Any, Self, TypeVar

import trio
from loguru import logger

from pipeline.engine.slices import IsStopping
from pipeline.errors import WorkerLostError
from pipeline.interpreter import dedicate

A = TypeVar("A")
R = TypeVar("R")


class _Worker:
    """One process and the connection to it."""

    def __init__(self, context: SpawnContext, stopping: Event) -> None:
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, stopping), daemon=True)
        self._process.start()
        theirs.close()

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        """Send a call and wait for its result.

        Raises:
            WorkerLostError: if the process dies.
        """
        try:
            self._connection.send((function, argument))
            succeeded, result = self._connection.recv()
        except (EOFError, OSError):
            self._process.join()
            raise WorkerLostError(f"a worker process ended with exit code {self._process.exitcode}") from None
        if succeeded:
            return result
        raise result

    def kill(self) -> None:
        """End the process, whatever it is doing; a call in another thread then fails."""
        self._process.kill()
        self._process.join()
        self._connection.close()


class Processes:
    """An engine of ``workers`` processes, each of which is started when it is needed.

    A process that dies is replaced. All of them end with this process, however it ends.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        # Not forked: a copy of this process would have its threads' locks and its sockets.
        self._context = multiprocessing.get_context("spawn")
        self._stopping = self._context.Event()
        self._idle: list[_Worker] = []
        self._limiter = trio.CapacityLimiter(workers)

    async def call(self, function: Callable[[A, IsStopping], R], argument: A) -> R:
        """Call a function in an idle process; see :class:`~pipeline.engine.workers.Engine`."""
        worker = self._idle.pop() if self._idle else await trio.to_thread.run_sync(self._start)
        try:
            result: R = await trio.to_thread.run_sync(
                worker.call, function, argument, limiter=self._limiter, abandon_on_cancel=True
            )
        except BaseException:
            worker.kill()
            raise
        self._idle.append(worker)
        return result

    async def stop(self) -> None:
        """Ask all running calls to return soon."""
        self._stopping.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for worker in self._idle:
            worker.kill()

    def _start(self) -> _Worker:
        return _Worker(self._context, self._stopping)


def _serve(connection: Connection, stopping: Event) -> None:
    """Call what comes over the connection, until it is closed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal sends them to all processes of a run
        signal.signal(number, signal.SIG_IGN)
    logger.remove()
    dedicate()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            function, argument = connection.recv()
            try:
                outcome = True, function(argument, stopping.is_set)
            except Exception as error:  # noqa: BLE001 - the coordinator decides about it
                outcome = False, error
            connection.send(outcome)


def _end_with_parent() -> None:
    """End this process at once when its parent is gone: another run may walk the same endpoints soon."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
