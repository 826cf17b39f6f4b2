"""The outputs after the summary: the store, which may fail and be repeated, and the report, which may be missing."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec
import trio
from loguru import logger

from pipeline.errors import OutputError, StoreError
from pipeline.html_report.drawing import Draw, DrawingError
from pipeline.html_report.facts import Facts
from pipeline.model.stored import Stored
from pipeline.model.summary import Summary, Totals
from pipeline.output.aggregator import Catalogue
from pipeline.output.files import OutputFiles
from pipeline.output.snapshots import RunSnapshot, Snapshot


class Store(Protocol):
    """The history of the catalogue. Its methods run in a thread; ``place`` is its URL without credentials."""

    place: str

    def prepare(self) -> None:
        """Check that it can be used, before anything is fetched; raise a ConfigError if not."""

    def write(self, totals: Totals, snapshot: Snapshot, checkpoint: Callable[[], None]) -> Stored:
        """Write a run in one transaction; raise a StoreError if that is not possible."""


def announce(files: Mapping[str, str], *kinds: str) -> None:
    """Log that files are written: those of these kinds, by default all."""
    for kind, path in files.items():
        if kind in kinds or not kinds:
            logger.bind(event="output_written", output=kind, path=path).info("{} written: {}", kind, path)


def unstored(summary: Summary, outputs: OutputFiles, reason: str) -> Summary:
    """Return the summary of a run that is not stored; its journal remains."""
    return msgspec.structs.replace(summary, unstored=reason, journal=outputs.journal)


async def add_to_store(store: Store, outputs: OutputFiles, summary: Summary, catalogue: Catalogue) -> Summary:
    """Store a run, and return its summary with the outcome; a failure is logged.

    A cancellation takes effect within some thousand products, and leaves the store as it was.
    """
    write = partial(
        store.write, summary.summary, RunSnapshot(catalogue, fetched=True), trio.from_thread.check_cancelled
    )
    try:
        stored = await trio.to_thread.run_sync(write)
    except StoreError as error:
        logger.error("the run is not stored: {}", error)
        return unstored(summary, outputs, str(error))
    return msgspec.structs.replace(summary, store=store.place, stored=stored)


async def add_report(draw: Draw, outputs: OutputFiles, summary: Summary, gather_facts: Callable[[], Facts]) -> Summary:
    """Draw and write the report, and return the summary with its path.

    A failure is logged and never raised: the summary matters more than the report. A cancellation leaves no report.
    """
    report: Path | None = None
    reason = "it was ended by a cancellation or a signal"
    try:
        facts = await trio.to_thread.run_sync(gather_facts)
        report = await trio.to_thread.run_sync(outputs.write_report, await draw(facts))
    except Exception as error:  # noqa: BLE001 - whatever the error, the run is complete without a report
        # The remedy in an OutputError is about the catalogue, which is written.
        cause = error.__cause__ if isinstance(error, OutputError) else error
        reason = str(cause) if isinstance(cause, DrawingError | OSError) else repr(cause)
        logger.opt(exception=error).debug("the report could not be made")
    finally:
        if report is None:
            logger.error(
                "the report could not be made: {}; there is no report of this run, and that of an earlier one is"
                " removed; the summary has the same facts",
                reason,
            )
    return msgspec.structs.replace(summary, report=report)
