"""Run a command while the mocks are served, and forward signals to it."""

import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import trio

FORWARDED = (signal.SIGINT, signal.SIGTERM)

# Exit codes of POSIX shells.
_NOT_FOUND, _NOT_EXECUTABLE, _KILLED = 127, 126, 128


class CommandError(Exception):
    """The command could not be started; ``code`` is the exit code that a shell would return."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


LineHandler = Callable[[str], None]


async def run_command(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    on_output: LineHandler | None = None,
    on_error: LineHandler | None = None,
) -> int:
    """Run a command to its end and return its exit code, or 128 + n if signal n killed it.

    SIGINT and SIGTERM are forwarded to it. ``on_output`` and ``on_error`` are called with each line that it writes;
    without them, its streams are those of this process. If cancelled, the command is killed.

    Raises:
        CommandError: if the command cannot be started.
    """
    with trio.open_signal_receiver(*FORWARDED) as signals:
        try:
            process = await trio.lowlevel.open_process(
                list(command),
                env=environment,
                stdout=on_output and subprocess.PIPE,
                stderr=on_error and subprocess.PIPE,
            )
        except FileNotFoundError:
            raise CommandError(f"{command[0]}: no such command; is it on the PATH?", _NOT_FOUND) from None
        except OSError as error:
            raise CommandError(f"{command[0]}: {error.strerror}", _NOT_EXECUTABLE) from None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_forward, signals, process)
            try:
                async with trio.open_nursery() as readers:
                    for stream, on_line in ((process.stdout, on_output), (process.stderr, on_error)):
                        if stream and on_line:
                            readers.start_soon(_read_lines, stream, on_line)
                code = await process.wait()
            finally:
                if process.poll() is None:
                    process.kill()
            nursery.cancel_scope.cancel()
    return code if code >= 0 else _KILLED - code


async def _read_lines(stream: trio.abc.ReceiveStream, on_line: LineHandler) -> None:
    rest = b""
    async with stream:
        async for chunk in stream:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                on_line(line.decode(errors="replace"))
    if rest:
        on_line(rest.decode(errors="replace"))


async def _forward(signals: AsyncIterator[int], process: trio.Process) -> None:
    async for number in signals:
        process.send_signal(signal.Signals(number))
