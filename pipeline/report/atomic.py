"""Files that are never half there: written aside, fsynced and moved into place."""

import glob
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ConfigError, OutputError, Problem


def prepare_output(output: Path) -> None:
    """Make the folder of the output and see that files can be made there: before fetching, not after it.

    Raises:
        ConfigError: when they cannot, or what lies there is no file that could be replaced.
    """
    try:
        if output.exists() and not output.is_file():
            raise ConfigError([Problem("output", f"{output} is no regular file; name another place with -o")])
        output.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(output):
            pass
    except (OSError, ValueError) as error:
        raise ConfigError([Problem("output", _cannot_write(output, error))]) from error


def write_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a temporary file, fsync it and move it into place: readers see the old file or the new one.

    Where ``path`` is a symbolic link, the file that it leads to is replaced.

    Raises:
        OutputError: when it cannot be written; the old file is untouched then.
    """
    path = path.resolve()
    try:
        with _temporary(path) as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
            if path.exists():
                os.chmod(file.name, stat.S_IMODE(path.stat().st_mode))  # noqa: PTH101 - the file's own name
            Path(file.name).replace(path)
            _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error


def remove_file(path: Path) -> None:
    """Remove a file that may not be there.

    Raises:
        OutputError: when it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot remove {str(path)!r:.120}, which is out of date: {error.strerror}") from error


def remove_leftovers(output: Path) -> None:
    """Remove the temporary files of runs that were killed while they wrote; to be called by who holds the journal."""
    for leftover in output.parent.glob(f".{glob.escape(output.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)


@contextmanager
def _temporary(output: Path) -> Iterator[BinaryIO]:
    """A new file beside the output, with the permissions that new files have; gone afterwards unless it was moved."""
    path = output.with_name(f".{output.name}.{secrets.token_hex(4)}.tmp")
    try:
        with path.open("xb") as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the move itself durable; Windows cannot open folders, and does not need to."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(output: Path, error: OSError | ValueError) -> str:
    reason = getattr(error, "strerror", None) or error
    return f"cannot write {str(output)!r:.120}: {reason}; name another place with -o"
