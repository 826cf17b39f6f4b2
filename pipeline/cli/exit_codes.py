"""The exit codes, which tell a scheduler how it went."""

import enum
from typing import Self


class ExitCode(enum.IntEnum):
    """Each has its ``meaning`` in a few words; documents and ``--help`` have it from here."""

    meaning: str

    COMPLETE = 0, "complete"
    FAILED = 1, "failed: no source delivered anything, or writing failed in the end (a full disk), or an internal error"
    USAGE = 2, "usage or configuration error, an output that cannot be written among them; every mistake is listed"
    PARTIAL = 3, "partial: something is missing, and the summary says what (0 with `--allow-partial`)"
    INTERRUPTED = 130, "stopped by SIGINT (Ctrl-C); what had arrived is written"
    TERMINATED = 143, "stopped by SIGTERM; what had arrived is written"

    def __new__(cls, code: int, meaning: str) -> Self:
        """A code with its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    @classmethod
    def stopped_by(cls, signal: int) -> Self:
        """The code for SIGINT or SIGTERM: 128 and its number, as a shell would have it."""
        return next(code for code in cls if code == 128 + signal)
