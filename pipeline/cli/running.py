"""The commands that make a catalogue: run and replay-rejects."""

import os
import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click
import trio

from pipeline.cli.console import COMPLETE, FAILED, PARTIAL, STOPPED, ErrorLine, print_text
from pipeline.cli.options import common_options, configure, version_option, wants_json
from pipeline.config import Config
from pipeline.model import Summary
from pipeline.normalize.mapping import normalize_batch, records_of
from pipeline.replay import replay_rejects as replay
from pipeline.report.products import ProductsFile
from pipeline.run import run as run_pipeline
from pipeline.ui.progress import Bars
from pipeline.ui.table import closing_table, replay_line

_products_option = click.option(
    "--products",
    metavar="PATH",
    help="Where the products go, alone, as .jsonl, .csv or .parquet (key: products).",
)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@click.command()
@common_options
@_products_option
@click.option("-t", "--timeout", metavar="SECONDS", help="Deadline of the whole run (key: timeout).")
@click.option("-r", "--rate-limit", metavar="RPS", help="Requests a second per endpoint (key: rate_limit.rps).")
@click.option("-w", "--workers", metavar="N", help="Normalizing threads (key: worker_pool.size).")
@click.option("--progress/--no-progress", default=None, help="Progress bars.  [default: on a terminal]")
@click.option("--resume", is_flag=True, help="Go on with an unfinished run: fetch only the pages that are missing.")
@click.option("--allow-partial", is_flag=True, help="Exit with 0 instead of 3 when something is missing.")
@version_option
def run(
    path: Path | None,
    settings: Mapping[str, str],
    progress: bool | None,
    resume: bool,
    allow_partial: bool,
    **flags: str | None,
) -> None:
    """Run the pipeline.

    Any key of the configuration can also be set in the environment: rate_limit.rps is PIPELINE_RATE_LIMIT_RPS.
    """
    with ErrorLine(as_json=wants_json(flags)) as line:
        config = configure(path, settings, flags, line)
        summary = _run(config, progress, resume=resume)
        print_text(closing_table(summary))
        sys.exit(exit_code(summary, allow_partial=allow_partial))


@click.command("replay-rejects")
@common_options
@_products_option
def replay_rejects(path: Path | None, settings: Mapping[str, str], **flags: str | None) -> None:
    """Normalize the rejected records again, after a fix, without fetching.

    What becomes a product goes into the summary, the rest stays in the file of rejected records. The file for the
    products alone is written anew.
    """
    with ErrorLine(as_json=wants_json(flags)) as line:
        config = configure(path, settings, flags, line, credentials=False)
        records = {endpoint.name: records_of(endpoint.fields, endpoint.explode) for endpoint in config.endpoints}
        normalize = partial(normalize_batch, records=records)
        print_text(replay_line(replay(Path(config.output), normalize, ProductsFile.of(config))))


def exit_code(summary: Summary, *, allow_partial: bool) -> int:
    """The exit code that tells a scheduler how a run ended."""
    if summary.stopped_by is not None:
        return STOPPED + summary.stopped_by
    match summary.summary.status:
        case "complete":
            return COMPLETE
        case "failed":
            return FAILED
        case "partial":
            return COMPLETE if allow_partial else PARTIAL


def _run(config: Config, progress: bool | None, *, resume: bool) -> Summary:
    around = _SignalsAround()
    run_to_the_end = partial(
        run_pipeline, config, resume=resume, signals=_SIGNALS, on_written=around.everything_is_written
    )
    around.install()
    with Bars([endpoint.name for endpoint in config.endpoints], shown=progress) as bars:
        summary = trio.run(partial(run_to_the_end, on_page=bars.page))
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
            os._exit(STOPPED + number)
