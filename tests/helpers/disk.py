"""A disk whose operations fail, or at one of which the process is killed."""

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest


class KilledError(BaseException):
    """The end of the process, as far as a test within it can have it."""


# Given the name of an operation and the number of those since the first that fails.
Fail = Callable[[str, int], float]


class Disk:
    """Counts the operations below ``folder``, and lets them fail from one of them on.

    ``fail`` is called with operation number ``at``, counted from 1, and with each later one, until it has no more
    effect. It raises an error, or returns the part of its data that a write takes. After a KilledError nothing is
    written, as nothing is by a process that is gone.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._at = 0
        self._fail: Fail = broken
        self._is_gone = False
        self.operations: list[str] = []

    @contextmanager
    def failing(self, at: int, fail: Fail) -> Iterator[None]:
        """Let operation ``at`` fail in the block; 0 lets none fail."""
        self._at, self._fail, self._is_gone, self.operations = at, fail, False, []
        with self._monkeypatch.context() as patch:
            self._replace(patch)
            yield

    def reached(self, operation: str) -> float:
        """Count an operation; return the part of it that is to be carried out, 0 or 1 for all but writes."""
        if self._is_gone:
            return 0
        self.operations.append(operation)
        since = len(self.operations) - self._at
        if not self._at or since < 0:
            return 1
        try:
            return self._fail(operation, since)
        except KilledError:
            self._is_gone = True
            raise

    def _replace(self, patch: pytest.MonkeyPatch) -> None:
        open_file = Path.open

        def opened(path: Path, mode: str = "r", buffering: int = -1, **options: Any) -> Any:
            is_written = any(letter in mode for letter in "wxa+")
            if not is_written or self._folder not in path.parents:
                return open_file(path, mode, buffering, **options)
            if not self.reached(f"open {path.name}"):
                return open_file(Path(os.devnull), "wb", buffering)
            raw = _File(self, path, mode.replace("b", ""))
            return raw if buffering == 0 else io.BufferedWriter(raw, buffering)

        patch.setattr(Path, "open", opened)
        patch.setattr(os, "fsync", lambda descriptor: self.reached("fsync"))
        for name in ("replace", "unlink", "mkdir", "rmdir"):
            patch.setattr(Path, name, self._counted(name, getattr(Path, name)))

    def _counted(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path, *arguments: Any, **options: Any) -> Any:
            if self._folder in path.parents and not self.reached(f"{name} {path.name}"):
                return None
            return method(path, *arguments, **options)

        return call


class _File(io.FileIO):
    """A file whose writes are operations of a disk."""

    def __init__(self, disk: Disk, path: Path, mode: str) -> None:
        self._disk = disk
        super().__init__(path, mode)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        part = self._disk.reached(f"write {Path(str(self.name)).name}")
        return super().write(view[: max(1, int(part * len(view)))]) if part else len(view)

    def truncate(self, size: int | None = None) -> int:
        return super().truncate(size) if self._disk.reached("truncate") else 0


def full(operation: str, since: int) -> float:
    """Fail once, since there is no space."""
    return _error(errno.ENOSPC) if since == 0 else 1


def broken(operation: str, since: int) -> float:
    """Fail once, since the disk is broken."""
    return _error(errno.EIO) if since == 0 else 1


def filling(operation: str, since: int) -> float:
    """Write a part, and nothing from then on."""
    if not operation.startswith("write"):
        return 1
    return 0.5 if since == 0 else _error(errno.ENOSPC)


def gone(operation: str, since: int) -> float:
    """Fail from then on, since the disk is gone."""
    return _error(errno.EIO)


def killed(operation: str, since: int) -> float:
    """Kill the process."""
    raise KilledError


def killed_within(operation: str, since: int) -> float:
    """Kill the process after a part of a write."""
    return 0.5 if since == 0 and operation.startswith("write") else killed(operation, since)


FAULTS: dict[str, Fail] = {fail.__name__: fail for fail in (full, broken, filling, gone, killed, killed_within)}


def _error(number: int) -> NoReturn:
    raise OSError(number, os.strerror(number))
