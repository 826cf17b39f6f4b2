"""The exit codes, by which a scheduler distinguishes the outcomes."""

import enum
from typing import Self


class ExitCode(enum.IntEnum):
    """An exit code with its ``meaning``, as shown by ``--help`` and the documents."""

    meaning: str

    COMPLETE = 0, "complete"
    FAILED = (
        1,
        "failed: no source delivered a product, writing failed at the end (disk, store), or an internal error",
    )
    USAGE = 2, "usage or configuration error, or the output cannot be written; every problem is listed"
    PARTIAL = (
        3,
        "partial: something is missing or not as expected; the summary has details (0 with `--allow-partial`)",
    )
    HUNG_UP = 129, "stopped by SIGHUP (a closed terminal); everything that had arrived is written"
    INTERRUPTED = 130, "stopped by SIGINT (Ctrl-C); everything that had arrived is written"
    TERMINATED = 143, "stopped by SIGTERM; everything that had arrived is written"

    def __new__(cls, code: int, meaning: str) -> Self:
        """Create a code with its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    @classmethod
    def stopped_by(cls, signal: int) -> Self:
        """Return the code for SIGHUP, SIGINT or SIGTERM: 128 plus its number, as in a shell."""
        return next(code for code in cls if code == 128 + signal)
