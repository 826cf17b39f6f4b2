"""The interface of an engine: workers that call a function with one argument."""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TypeVar

from pipeline.engine.slices import IsStopping

A = TypeVar("A", contravariant=True)  # noqa: PLC0105
R = TypeVar("R")


class Engine(Protocol):
    """Processes of this machine or of others, as an async context manager that starts and ends them."""

    @property
    def workers(self) -> int:
        """The number of calls that can run at once."""

    async def call(self, function: Callable[[A, IsStopping], R], argument: A) -> R:
        """Call a function with ``argument`` in a worker and return its result; all three are pickled.

        The second argument of the function returns True once :meth:`stop` was called. A cancellation abandons the call.

        Raises:
            WorkerLostError: if the worker dies. The function is not called again.
        """

    async def stop(self) -> None:
        """Ask all running calls to return soon. A cancellation leaves it open whether they do."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
