"""Draw a report in a process of its own, so that a native library that aborts or hangs costs only the report."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.util import find_spec

import trio
from loguru import logger

from pipeline.distribution import install_extra
from pipeline.errors import ConfigError, Problem
from pipeline.html_report.facts import Facts
from pipeline.html_report.transfer import encode_facts

# Seconds that drawing may take. A report of ten sources took 3.1 to 3.7 on two busy cores.
TIME_LIMIT = 60.0

Draw = Callable[[Facts], Awaitable[bytes]]

# The working directory is not searched for modules: a file there could have the name of one.
_COMMAND = ("-P", "-m", "pipeline.html_report")
_LIBRARIES = ("jinja2", "vl_convert")


class DrawingError(Exception):
    """The drawing process failed, or took too long. The text is its reason."""


def check_libraries() -> None:
    """Check that the libraries of the ``report`` extra are installed.

    Raises:
        ConfigError: if a library is missing.
    """
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise ConfigError([Problem("report", f"needs {' and '.join(missing)}; {install_extra('report')}")])


async def draw(facts: Facts) -> bytes:
    """Return a report as HTML, drawn in a process of its own within ``TIME_LIMIT`` seconds.

    The process has a session of its own, so Ctrl-C does not reach it. A cancellation kills it.

    Raises:
        DrawingError: the process failed, was ended by a signal, or took too long.
        OSError: the process could not be started.
    """
    data = await trio.to_thread.run_sync(encode_facts, facts)
    with trio.move_on_after(TIME_LIMIT):
        ended = await trio.run_process(
            [sys.executable, *_COMMAND],
            stdin=data,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            deliver_cancel=_kill,
            # The modules are those of this process, also if it was started in another way.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            start_new_session=True,
        )
        if ended.returncode == 0:
            return ended.stdout
        said = ended.stderr.decode(errors="replace").strip()
        logger.debug("the drawing process reported: {}", said)
        raise DrawingError(_reason(ended.returncode, said))
    raise DrawingError(f"drawing it took more than {TIME_LIMIT:g} s")


async def _kill(process: trio.Process) -> None:  # noqa: ASYNC124 - Trio expects an async function
    process.kill()


def _reason(code: int, said: str) -> str:
    if code < 0:
        name = str(-code)
        with suppress(ValueError):
            name = signal.Signals(-code).name
        return f"the drawing process was ended by {name}"
    # The last line of a traceback that is not indented has the error.
    lines = [line for line in said.splitlines() if not line.startswith(" ")]
    return f"the drawing process failed: {lines[-1] if lines else f'exit code {code}'}"
