"""A pseudo-terminal whose output is interpreted by a terminal emulator."""

import fcntl
import os
import select
import struct
import termios
from contextlib import ExitStack, redirect_stderr
from types import TracebackType
from typing import Self

import pyte

# Terminals ignore this byte, so that it can mark how far the output has been read.
_MARK = b"\0"


class Terminal:
    """A terminal that replaces standard error while its context is open.

    ``ours`` and ``theirs`` are the descriptors of its two ends: the emulator's and the program's.
    """

    def __init__(self, columns: int, lines: int = 24, *, encoding: str = "utf-8") -> None:
        self.ours, self.theirs = os.openpty()
        self.file = os.fdopen(
            os.dup(self.theirs), "w", buffering=1, encoding=encoding, errors="backslashreplace"
        )  # as Python opens standard error
        self._emulated = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._emulated)
        self._open = ExitStack()
        self.tell_size(columns, lines)

    def __enter__(self) -> Self:
        for descriptor in (self.ours, self.theirs):
            self._open.callback(os.close, descriptor)
        self._open.enter_context(self.file)
        self._open.enter_context(redirect_stderr(self.file))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def resize(self, columns: int, lines: int, *, rewraps: bool = False) -> None:
        """Change the size as a user does; some terminals then cut off long lines, others wrap them (``rewraps``)."""
        self.read_all()
        before, (at, _) = self.screen, self.cursor
        self._emulated.resize(lines, columns)
        if rewraps:
            wrapped = [[line[i : i + columns] for i in range(0, len(line), columns)] or [""] for line in before]
            rows = [row for line in wrapped for row in line]
            up = sum(map(len, wrapped[at:])) - 1
            self._emulated.reset()
            self._stream.feed("\r\n".join(rows).encode() + b"\r" + b"\x1b[A" * up)
        self.tell_size(columns, lines)

    def tell_size(self, columns: int, lines: int) -> None:
        """Set the size that the operating system reports to programs."""
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read_all(self) -> None:
        """Read everything that has been written so far."""
        os.write(self.theirs, _MARK)
        while not self.read_some():
            select.select([self.ours], [], [])

    def read_some(self) -> bool:
        """Read what is available; True if that reaches the end mark."""
        output = os.read(self.ours, 65536)
        self._stream.feed(output.replace(_MARK, b""))
        return _MARK in output

    @property
    def screen(self) -> list[str]:
        """The lines on the screen, without trailing blanks and trailing empty lines."""
        lines = [line.rstrip() for line in self._emulated.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def is_plain(self) -> bool:
        """True if nothing on the screen is coloured or bold."""
        return all(
            c.fg == c.bg == "default" and not c.bold for line in self._emulated.buffer.values() for c in line.values()
        )

    @property
    def cursor(self) -> tuple[int, int]:
        """Line and column, from 0."""
        return self._emulated.cursor.y, self._emulated.cursor.x
