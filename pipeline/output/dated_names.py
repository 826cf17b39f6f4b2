"""Names of files that contain the date, the time or the id of a run: ``out/{date}.json``.

An id begins with the start of its run in UTC, so date and time follow from it.
"""

import glob
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from pipeline.config.placeholders import PLACEHOLDER

# Characters after a placeholder. A name that begins with a hyphen would be an option of many programs.
_SEPARATORS = "-_. "

# The part of a name that a placeholder becomes.
_FORMS = {"date": r"\d{4}-\d{2}-\d{2}", "time": r"\d{6}", "run": r"\d{8}T\d{6}Z-[0-9a-f]{8}"}


def new_run(started_at: str) -> str:
    """Return a new id that is safe in file names and sorts by time: ``20261121T100000Z-9f86d081``.

    ``started_at`` is RFC 3339 UTC, in whole seconds.
    """
    return f"{started_at.replace('-', '').replace(':', '')}-{secrets.token_hex(4)}"


def dated(pattern: str, run: str) -> Path:
    """Return the name of a run's file; ``run`` is its id.

    Example::

        dated("out/{date}.json", "20261121T100000Z-9f86d081")    # out/2026-11-21.json
    """
    values = {"date": f"{run[:4]}-{run[4:6]}-{run[6:8]}", "time": run[9:15], "run": run}
    return Path(PLACEHOLDER.sub(lambda placeholder: values[placeholder[1]], pattern))


def undated(pattern: str) -> Path:
    """Return the name without its placeholders, and without separators at its begin; it is the same for all runs."""
    path, suffix = Path(PLACEHOLDER.sub("", pattern)), Path(pattern).suffix
    stem = path.name.removesuffix(suffix).lstrip(_SEPARATORS)
    return path.with_name(f"{stem or 'summary'}{suffix}") if path.name else path / f"summary{suffix}"


def newest_first(pattern: str) -> Iterator[Path]:
    """Yield the files of a pattern, those of the latest run first; without date and id, the last written first."""
    pieces = re.split(PLACEHOLDER.pattern, str(Path(pattern)))
    wanted, known = "", set[str]()
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            wanted += re.escape(piece)
        else:
            wanted += f"(?P={piece})" if piece in known else f"(?P<{piece}>{_FORMS[piece]})"
            known.add(piece)
    every = glob.iglob("*".join(map(glob.escape, pieces[::2])))  # noqa: PTH207 - the pattern may be absolute
    matches = [found for path in every if (found := re.fullmatch(wanted, path))]
    yield from (Path(found[0]) for found in sorted(matches, key=_age, reverse=True))


def _age(name: re.Match[str]) -> tuple[str, int]:
    """Return the start of a file's run as far as its name has it, and the time at which it was written."""
    found = name.groupdict()
    moment = found.get("run", "")[: len("20261121T100000")]
    if not moment and "date" in found:
        moment = found["date"].replace("-", "") + found.get("time", "")
    return moment, Path(name[0]).stat().st_mtime_ns
