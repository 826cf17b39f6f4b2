"""An engine whose workers are threads: everything else is as with processes, pickling included."""

import pickle
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from types import TracebackType
from typing import Any, Self

import trio

from pipeline.engine.slices import IsStopping
from pipeline.errors import WorkerLostError
from pipeline.fetch.http.client import Connect


class Threads:
    """``workers`` threads that walk over ``connect``; each True of ``deaths`` loses the result of a call.

    A call waits for the next number of seconds in ``delays`` before it starts.
    """

    def __init__(self, workers: int, connect: Connect, deaths: Iterator[bool] | None = None) -> None:
        self.workers = workers
        self.calls = 0
        self.sent: list[bytes] = []
        self._connect = connect
        self._deaths = deaths or repeat(False)
        self.delays: Iterator[float] = repeat(0.0)
        self._stopping = threading.Event()

    async def call(self, function: Callable[[Any, IsStopping], Any], argument: Any) -> Any:
        self.calls += 1
        sent = pickle.dumps(argument)
        self.sent.append(sent)
        work = partial(function, connect=self._connect)
        await trio.sleep(next(self.delays))
        result = await trio.to_thread.run_sync(work, pickle.loads(sent), self._stopping.is_set)
        if next(self._deaths):
            raise WorkerLostError("a worker died")
        return pickle.loads(pickle.dumps(result))

    async def stop(self) -> None:
        self._stopping.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping.set()
