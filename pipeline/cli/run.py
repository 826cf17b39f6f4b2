"""How many connections the system lets this process have.

The commands that make a catalogue: run and replay-rejects.
"""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio

from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.session import ErrorLine, configure, print_text, wants_json
from pipeline.config.settings import Config
from pipeline.model.summary import Summary
from pipeline.normalize.normalizer import normalize_batch, reader_for
from pipeline.output.files import ProductsFile
from pipeline.output.replay import replay_rejects as replay
from pipeline.runner import run as run_pipeline
from pipeline.ui.progress import progress_watch
from pipeline.ui.table import closing_table, replay_line

# A thousand endpoints, each with all the requests that it may have under way, and some more.
WANTED = 16_384


def allow_many_connections() -> None:
    """Raise the soft limit of open files, which often is 1,024, as far as the hard one lets us; else leave it."""
    if sys.platform == "win32":  # it has no such limit
        return
    import resource  # noqa: PLC0415 - not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(
    path: Path | None,
    settings: Mapping[str, str],
    progress: bool,
    resume: bool,
    allow_partial: bool,
    **flags: str | None,
) -> None:
    """Fetch everything, show the closing table, and exit."""
    with ErrorLine(as_json=wants_json(flags)) as line:
        config = configure(path, settings, flags, line)
        summary = _run(config, progress=progress, resume=resume)
        print_text(closing_table(summary))
        sys.exit(exit_code(summary, allow_partial=allow_partial))


def replay_rejects(path: Path | None, settings: Mapping[str, str], **flags: str | None) -> None:
    """Normalize the rejected records again, and say what came of it."""
    with ErrorLine(as_json=wants_json(flags)) as line:
        config = configure(path, settings, flags, line, credentials=False)
        readers = {endpoint.name: reader_for(endpoint.fields, endpoint.explode) for endpoint in config.endpoints}
        normalize = partial(normalize_batch, readers=readers)
        print_text(replay_line(replay(Path(config.output), normalize, ProductsFile.of(config))))


def exit_code(summary: Summary, *, allow_partial: bool) -> ExitCode:
    """The exit code that tells a scheduler how a run ended."""
    if summary.stopped_by is not None:
        return ExitCode.stopped_by(summary.stopped_by)
    match summary.summary.status:
        case "complete":
            return ExitCode.COMPLETE
        case "failed":
            return ExitCode.FAILED
        case "partial":
            return ExitCode.COMPLETE if allow_partial else ExitCode.PARTIAL


def _run(config: Config, *, progress: bool, resume: bool) -> Summary:
    allow_many_connections()
    around = _SignalsAround()
    run_to_the_end = partial(
        run_pipeline,
        config,
        resume=resume,
        signals=_SIGNALS,
        watch=progress_watch() if progress else None,
        on_written=around.everything_is_written,
    )
    around.install()
    summary = trio.run(run_to_the_end)
    for number in _SIGNALS:  # handlers do not outlive the interpreter, and a default one would kill it as it ends
        signal.signal(number, signal.SIG_IGN)
    return summary


class _SignalsAround:
    """What signals do while the run itself does not listen to them.

    Before it does, they end the process: nothing has begun. Once all is written they come too late to change anything.
    """

    def __init__(self) -> None:
        self._too_late = False

    def install(self) -> None:
        """Handle signals from now on; whoever listens to them meanwhile leaves them to this again."""
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    def everything_is_written(self) -> None:
        """The run is over, but for its clearing up."""
        self._too_late = True

    def _handle(self, number: int, _: object) -> None:
        if not self._too_late:
            os.write(2, b"Error: interrupted\n")
            os._exit(ExitCode.stopped_by(number))
