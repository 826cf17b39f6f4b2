"""Lock an output, so that only one run at a time writes to it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.errors import ConfigError, Problem


class OutputLock:
    """An exclusive lock between processes, kept as a file in the folder of an output's journal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "lock", thread_local=False)

    def acquire(self) -> None:
        """Create the folder if it is missing, and take the lock without waiting.

        Raises:
            ConfigError: if another run holds the lock, or the folder cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            text = f"another run is writing to it (it holds {self._folder}); wait for it to end, or name another output"
            raise ConfigError([Problem("output", text)]) from None
        except FileExistsError:
            text = f"{self._folder} is a file, but must be the folder of the journal; name another place with -o"
            raise ConfigError([Problem("output", text)]) from None
        except OSError as error:
            text = f"cannot write {self._folder}: {error.strerror or error}; name another place with -o"
            raise ConfigError([Problem("output", text)]) from error

    def release(self) -> None:
        """Release the lock; the folder stays."""
        self._lock.release()

    def release_and_remove(self) -> None:
        """Release the lock, and remove the folder unless it has other content."""
        # The file is removed while it is locked: once released, the file here may be the lock of another run.
        with suppress(OSError):  # Windows does not delete an open file
            (self._folder / "lock").unlink()
        self.release()
        with suppress(OSError):  # not empty: it has a journal, or another run has started there
            self._folder.rmdir()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock during the block, and afterwards remove the folder if it is empty.

    Raises:
        ConfigError: if another run holds the lock, or the folder cannot be written.
    """
    lock = OutputLock(folder)
    lock.acquire()
    try:
        yield
    finally:
        lock.release_and_remove()
