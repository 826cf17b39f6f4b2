"""The commands that produce a catalogue: run and replay-rejects."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio

from pipeline.cli.ending import Ending
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.session import ErrorLine, configure_output, print_text, wants_json
from pipeline.config.load import Loaded
from pipeline.config.transform import load_transforms
from pipeline.engine.opening import open_engine
from pipeline.html_report.origin import shown_command
from pipeline.interpreter import dedicate
from pipeline.model.summary import Summary
from pipeline.normalize.normalizer import normalize_batch, reader_for
from pipeline.output.expectations import expectations_of
from pipeline.output.files import OutputFiles
from pipeline.output.replay import replay_rejects as replay
from pipeline.runner import Run
from pipeline.store.opening import open_store
from pipeline.ui.logs import write_folded
from pipeline.ui.progress import progress_watch
from pipeline.ui.table import closing_table, replay_line
from pipeline.ui.terminal import takes_colour

# Open files: enough for a thousand endpoints with the default number of concurrent requests each.
WANTED = 16_384


def allow_many_connections() -> None:
    """Raise the soft limit of open files, which is often 1,024, as far as the hard limit permits; ignore failures."""
    if sys.platform == "win32":  # no such limit
        return
    import resource  # noqa: PLC0415 - missing on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that end a run; without SIGHUP if that is missing (Windows) or ignored, as by ``nohup``."""
    found = [signal.SIGINT, signal.SIGTERM]
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hangup and signal.getsignal(hangup) is not signal.SIG_IGN:
        found.append(hangup)
    return tuple(found)


def run(
    path: Path | None,
    settings: Mapping[str, str],
    *,
    progress: bool,
    resume: bool,
    only: Sequence[str],
    allow_partial: bool,
    quiet: bool,
    **flags: str | None,
) -> None:
    """Fetch everything, show the closing table, and exit with the code of the outcome."""
    line = ErrorLine(as_json=wants_json(flags))
    with Ending(line) as ending, line:
        loaded = configure_output(path, settings, flags, line, quiet=quiet)
        ending.begin(loaded)
        summary = ending.summary = _run(loaded, ending, progress=progress and not quiet, resume=resume, only=only)
        write_folded()
        if not quiet:
            print_text(closing_table(summary, in_colour=takes_colour(sys.stdout)))
        sys.exit(exit_code(summary, allow_partial=allow_partial))


def replay_rejects(path: Path | None, settings: Mapping[str, str], **flags: str | None) -> None:
    """Normalize the rejected records again, and report the result in one line."""
    with ErrorLine(as_json=wants_json(flags)) as line:
        config = configure_output(path, settings, flags, line, credentials=False).config
        transforms = load_transforms(config.endpoints)
        readers = {
            endpoint.name: reader_for(endpoint.fields, endpoint.explode, transforms.get(endpoint.name))
            for endpoint in config.endpoints
        }
        normalize = partial(normalize_batch, readers=readers)
        print_text(replay_line(replay(OutputFiles.of_newest(config), normalize, expectations_of(config))))


def exit_code(summary: Summary, *, allow_partial: bool) -> ExitCode:
    """Return the exit code for the outcome of a run; a signal that cut it short takes precedence."""
    if summary.stopped_by is not None:
        return ExitCode.stopped_by(summary.stopped_by)
    if summary.unstored is not None:
        return ExitCode.FAILED
    match summary.summary.status:
        case "complete":
            return ExitCode.COMPLETE
        case "failed":
            return ExitCode.FAILED
        case "partial":
            return ExitCode.COMPLETE if allow_partial else ExitCode.PARTIAL


def _run(loaded: Loaded, ending: Ending, *, progress: bool, resume: bool, only: Sequence[str]) -> Summary:
    allow_many_connections()
    written = threading.Event()
    signals = ending_signals()
    pipeline_run = Run(
        loaded.config,
        loaded.endpoints,
        resume=resume,
        only=only,
        signals=signals,
        store=open_store(loaded.store) if loaded.store else None,
        engine=open_engine(loaded.config.engine) if loaded.config.engine else None,
        watch=progress_watch(loaded.config.log.format) if progress else None,
        on_written=written.set,
        command=shown_command(sys.argv[1:], loaded.secrets),
    )
    handle_signals_around(written.is_set, signals, ending.last_words)
    dedicate()
    try:
        summary = trio.run(pipeline_run.execute)
    finally:
        ending.run = pipeline_run.id
    for number in signals:  # the interpreter removes its handlers on exit, and the default action would kill it
        signal.signal(number, signal.SIG_IGN)
    return summary


def handle_signals_around(
    is_written: Callable[[], bool], signals: Sequence[signal.Signals], last_words: Callable[[int], None]
) -> None:
    """Handle signals while the run itself does not listen: before it does, and after it has written everything.

    Before, a signal ends the process after ``last_words``, since nothing has begun. Afterwards it is ignored: it comes
    too late.
    """

    def handle(number: int, _: object) -> None:
        if not is_written():
            last_words(number)
            os._exit(ExitCode.stopped_by(number))

    for number in signals:
        signal.signal(number, handle)
