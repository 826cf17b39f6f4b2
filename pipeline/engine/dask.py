"""An engine on a Dask cluster, or on one that it starts on this machine."""

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import dask
import trio
from distributed import Client, Event, LocalCluster, get_client, get_worker
from distributed.scheduler import KilledWorker
from loguru import logger

from pipeline.engine.slices import IsStopping
from pipeline.errors import ConfigError, Problem, WorkerLostError

A = TypeVar("A")
R = TypeVar("R")

# The limit for the connection to a scheduler, and for the wait for its first worker, in seconds.
_CONNECTING = 10

# A terminal sends SIGINT to all processes of a run; the coordinator decides what follows. Dask executes this text.
_IGNORE_INTERRUPTS = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"


class Dask:
    """An engine on the cluster whose scheduler is at ``address``; without one, on ``workers`` local processes.

    TLS is used if Dask's own configuration requires encryption.
    """

    def __init__(self, address: str | None, *, workers: int) -> None:
        self.workers = workers
        self._address = address
        self._stop_key = f"pipeline-stop-{uuid4().hex}"
        self._cluster: Any = None
        self._client: Any = None

    async def call(self, function: Callable[[A, IsStopping], R], argument: A) -> R:
        """Call a function in a worker of the cluster; see :class:`~pipeline.engine.workers.Engine`."""
        return await trio.to_thread.run_sync(self._call, function, argument, abandon_on_cancel=True)

    async def stop(self) -> None:
        """Ask all running calls to return soon; without a connection to the scheduler this has no effect."""
        if self._client is not None:
            stop = Event(self._stop_key, client=self._client)
            with suppress(OSError, TimeoutError):
                await trio.to_thread.run_sync(stop.set, abandon_on_cancel=True)

    async def __aenter__(self) -> Self:
        await trio.to_thread.run_sync(self._connect)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._close)

    def _connect(self) -> None:
        try:
            if self._address is None:
                # A task whose worker dies fails at once, instead of being tried again with the same bucket.
                dask.config.set({"distributed.scheduler.allowed-failures": 0})
                self._cluster = LocalCluster(
                    n_workers=self.workers,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                    preload=[_IGNORE_INTERRUPTS],
                )
                # A nanny gives up after some deaths of its worker; the cluster then starts another one.
                self._cluster.adapt(minimum=self.workers, maximum=self.workers)
                self._client = Client(self._cluster, timeout=_CONNECTING)
            else:
                scheme = "tls" if dask.config.get("distributed.comm.require-encryption") else "tcp"
                self._client = Client(f"{scheme}://{self._address}", timeout=_CONNECTING)
            self._client.wait_for_workers(1, timeout=_CONNECTING)
            self.workers = sum(self._client.nthreads().values())
        except (OSError, TimeoutError, RuntimeError) as error:
            self._close()
            where = f"the scheduler {self._address}" if self._address else "a cluster on this machine"
            text = f"no Dask worker of {where} can be reached: {error}; check that it runs, and its TLS settings"
            raise ConfigError([Problem("engine", text)]) from None

    def _close(self) -> None:
        for each in (self._client, self._cluster):
            if each is not None:
                with suppress(OSError, TimeoutError):
                    each.close()

    def _call(self, function: Callable[[A, IsStopping], R], argument: A) -> R:
        key = f"pipeline-{uuid4().hex}"
        begun = Event(key, client=self._client)
        future = self._client.submit(_call_once, function, argument, key, self._stop_key, key=key, retries=0)
        try:
            result: R = future.result()
        except KilledWorker:
            raise WorkerLostError("a Dask worker died") from None
        except (CancelledError, OSError) as error:
            raise WorkerLostError(f"the Dask scheduler is gone: {error}") from None  # noqa: ASYNC104 - in a thread
        finally:
            # A result that is still held would be computed again if its worker died.
            future.release()
            with suppress(Exception):
                begun.clear()
        return result


def _call_once(function: Callable[[Any, IsStopping], Any], argument: Any, key: str, stop_key: str) -> Any:
    """Call a function in a worker, but not if the scheduler repeats the task because an earlier worker died.

    The coordinator must know of the death, since the requests of that worker count at the API.
    """
    with suppress(ValueError):
        logger.remove(0)  # the coordinator logs the records
    client, worker = get_client(), get_worker()
    begun, stop = Event(key, client=client), Event(stop_key, client=client)
    if begun.is_set():
        raise WorkerLostError("a Dask worker died")
    begun.set()

    def is_stopping() -> bool:
        task = worker.state.tasks.get(key)
        try:  # the task is not wanted any more if the coordinator is gone
            return task is None or task.state == "cancelled" or bool(stop.is_set())
        except Exception:  # noqa: BLE001 - nor without a scheduler
            return True

    return function(argument, is_stopping)
