"""Keeps two runs off one output."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.errors import ConfigError, Problem


class OutputLock:
    """The lock of one output, a file in the folder of its journal; held by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "lock", thread_local=False)

    def acquire(self) -> None:
        """Take the lock, or tell that somebody else has it; makes the folder.

        Raises:
            ConfigError: when another run has it, or the folder cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            text = f"another run is writing to it (it holds {self._folder}); let it end, or name another output"
            raise ConfigError([Problem("output", text)]) from None
        except FileExistsError:
            text = f"{self._folder} is a file, and the journal's folder is to be there; name another place with -o"
            raise ConfigError([Problem("output", text)]) from None
        except OSError as error:
            text = f"cannot write {self._folder}: {error.strerror or error}; name another place with -o"
            raise ConfigError([Problem("output", text)]) from error

    def release(self) -> None:
        """Let go of the lock; the folder stays."""
        self._lock.release()

    def release_and_remove(self) -> None:
        """Let go of the lock and remove the folder, unless there is something else in it."""
        # The file goes while it is locked: behind that, the one that lies here may be another run's.
        with suppress(OSError):  # Windows keeps a file that is open
            (self._folder / "lock").unlink()
        self.release()
        with suppress(OSError):  # not empty: it has a journal, or another run has begun there
            self._folder.rmdir()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock during the block; leaves no folder that has nothing else in it.

    Raises:
        ConfigError: as :meth:`OutputLock.acquire`.
    """
    lock = OutputLock(folder)
    lock.acquire()
    try:
        yield
    finally:
        lock.release_and_remove()
