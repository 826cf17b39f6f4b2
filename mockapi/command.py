"""Runs a command beside the servers, and hands signals on to it."""

import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import trio

FORWARDED = (signal.SIGINT, signal.SIGTERM)

# As shells report them.
_NOT_FOUND, _NOT_EXECUTABLE, _KILLED = 127, 126, 128


class CommandError(Exception):
    """The command could not be started; ``code`` is what a shell would exit with."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


Hear = Callable[[str], None]


async def run_command(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    on_output: Hear | None = None,
    on_error: Hear | None = None,
) -> int:
    """Run a command to its end and return its exit code, 128 + n where signal n killed it.

    SIGINT and SIGTERM are handed on to it. ``on_output`` and ``on_error`` hear the lines that it writes; without them
    they go where ours go. A cancellation kills it.

    Raises:
        CommandError: when it cannot be started.
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
                async with trio.open_nursery() as listening:
                    for stream, hear in ((process.stdout, on_output), (process.stderr, on_error)):
                        if stream and hear:
                            listening.start_soon(_listen, stream, hear)
                code = await process.wait()
            finally:
                if process.poll() is None:
                    process.kill()
            nursery.cancel_scope.cancel()
    return code if code >= 0 else _KILLED - code


async def _listen(stream: trio.abc.ReceiveStream, hear: Hear) -> None:
    rest = b""
    async with stream:
        async for chunk in stream:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                hear(line.decode(errors="replace"))
    if rest:
        hear(rest.decode(errors="replace"))


async def _forward(signals: AsyncIterator[int], process: trio.Process) -> None:
    async for number in signals:
        process.send_signal(signal.Signals(number))
