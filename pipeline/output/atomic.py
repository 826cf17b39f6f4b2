"""Files that are never half there: written aside, fsynced and moved into place."""

import glob
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ConfigError, OutputError, Problem

# Pages of products are longer than the usual buffer: each would be a system call or two.
_BUFFER = 1 << 18


def prepare_output(output: Path, *others: Path, key: str = "output", flag: str = "-o") -> None:
    """Make the folder of the output and see that files can be made there: before fetching, not after it.

    ``others`` are files that are going to lie beside it; ``key`` and ``flag`` name the place in the configuration.

    Raises:
        ConfigError: when they cannot, or what lies there is no file that could be replaced.
    """
    try:
        for path in (output, *others):
            if path.exists() and not path.is_file():
                raise ConfigError([Problem(key, f"{path} is no regular file; name another place with {flag}")])
        output.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(output):
            pass
    except (OSError, ValueError) as error:
        text = f"{_cannot_write(output, error)}; name another place with {flag}"
        raise ConfigError([Problem(key, text)]) from error


def write_files(files: Mapping[Path, Iterable[bytes] | None]) -> None:
    """Write temporary files, fsync them, and move all of them into place: readers see the old files or the new ones.

    None for a file that is not to be there any more. Nothing is moved before all is written; killed between one move
    and the next, the first files are new. Where a path is a symbolic link, the file that it leads to is replaced.

    Raises:
        OutputError: when they cannot be written; the old files are untouched then.
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
        os.chmod(file.name, stat.S_IMODE(path.stat().st_mode))  # noqa: PTH101 - the file's own name
    file.close()
    return Path(file.name)


def remove_leftovers(output: Path) -> None:
    """Remove the temporary files of runs that were killed while they wrote; to be called by who holds the journal."""
    for leftover in output.parent.glob(f".{glob.escape(output.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)


@contextmanager
def _temporary(output: Path) -> Iterator[BinaryIO]:
    """A new file beside the output, with the permissions that new files have; gone afterwards unless it was moved."""
    path = output.with_name(f".{output.name}.{secrets.token_hex(4)}.tmp")
    try:
        with path.open("xb", buffering=_BUFFER) as file:
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
    return f"cannot write {str(output)!r:.120}: {reason}"
