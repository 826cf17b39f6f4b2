"""Write files atomically: to temporary files, which are fsynced and moved into place."""

import glob
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ConfigError, OutputError, Problem

# A page of products exceeds the default buffer, which would cost one or two system calls per page.
_BUFFER = 1 << 18


def prepare_output(output: Path, *others: Path, key: str = "output", flag: str = "-o") -> None:
    """Create the folder of the output and check that files can be created there.

    ``others`` are further files in the same folder. ``key`` and ``flag`` name the setting in error messages.

    Raises:
        ConfigError: if they cannot, or if one of the paths exists and is not a regular file.
    """
    try:
        for path in (output, *others):
            if path.exists() and not path.is_file():
                raise ConfigError([Problem(key, f"{path} is not a regular file; name another place with {flag}")])
        output.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(output):
            pass
    except (OSError, ValueError) as error:
        text = f"{_cannot_write(output, error)}; name another place with {flag}"
        raise ConfigError([Problem(key, text)]) from error


def write_files(files: Mapping[Path, Iterable[bytes] | None]) -> None:
    """Write temporary files, fsync them, and move all of them into place.

    Readers of a file see the old or the new one, never a part. Files are moved in the order of the mapping, after all
    of them are written. If the process is killed between two moves, the first files are new and the others old. A file
    whose content is None is removed. If a path is a symbolic link, its target is replaced.

    Raises:
        OutputError: if a file cannot be written; the old files are then unchanged.
    """
    place = Path()
    try:
        with ExitStack() as stack:
            ready: list[tuple[Path, Path | None]] = []
            for path, chunks in files.items():
                place = path.resolve()
                ready.append((place, None if chunks is None else _write_aside(place, chunks, stack)))
            for place, aside in ready:
                if aside is None:
                    place.unlink(missing_ok=True)
                else:
                    aside.replace(place)
            for folder in {place.parent for place, _ in ready}:
                _sync_folder(folder)
    except OSError as error:
        remedy = "free some space, then try again; fetched pages are kept for --resume"
        raise OutputError(f"{_cannot_write(place, error)}; {remedy}") from error


def _write_aside(path: Path, chunks: Iterable[bytes], stack: ExitStack) -> Path:
    file = stack.enter_context(_temporary(path))
    file.writelines(chunks)
    file.flush()
    os.fsync(file.fileno())
    if path.exists():
        os.chmod(file.name, stat.S_IMODE(path.stat().st_mode))  # noqa: PTH101 - a file object has its name as text
    file.close()
    return Path(file.name)


def remove_leftovers(output: Path) -> None:
    """Remove temporary files of runs that were killed while writing. Call this only while holding the journal."""
    for leftover in output.parent.glob(f".{glob.escape(output.name)}.*.tmp"):
        with suppress(OSError):  # it does no harm
            leftover.unlink()


@contextmanager
def _temporary(output: Path) -> Iterator[BinaryIO]:
    """Open a new file beside the output with default permissions, and remove it afterwards unless it was moved."""
    path = output.with_name(f".{output.name}.{secrets.token_hex(4)}.tmp")
    try:
        with path.open("xb", buffering=_BUFFER) as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the moves durable."""
    if os.name == "nt":  # folders cannot be opened there, and need no fsync
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(output: Path, error: OSError | ValueError) -> str:
    reason = getattr(error, "strerror", None) or error
    return f"cannot write {str(output)!r:.120}: {reason}"
