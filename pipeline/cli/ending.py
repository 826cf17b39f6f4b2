"""The end of a run, as other programs learn of it: the last event of the log, the metrics, and a ping."""

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from loguru import logger

from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.ping import ping
from pipeline.cli.session import ErrorLine
from pipeline.config.load import Loaded
from pipeline.config.ping import Monitor
from pipeline.errors import OutputError
from pipeline.model.events import RunFinished
from pipeline.model.summary import Summary
from pipeline.output.atomic import write_files
from pipeline.output.prometheus import RunMetrics, exposition
from pipeline.ui.logs import encoded, now, write_event
from pipeline.ui.table import closing_table


class Ending:
    """A context manager around a run, which reports its exit in whatever way it ends.

    ``line`` reports errors within it. ``summary`` is set once there is one, and ``run`` once the run has an id.
    """

    def __init__(self, line: ErrorLine) -> None:
        self.summary: Summary | None = None
        self.run: str | None = None
        self._line = line
        self._metrics: Path | None = None
        self._monitor: Monitor | None = None
        self._started_at, self._started = time.time(), time.monotonic()

    def begin(self, loaded: Loaded) -> None:
        """Take what is configured for the end, and report the start to the monitor."""
        self._metrics = Path(loaded.config.metrics) if loaded.config.metrics else None
        self._monitor = loaded.monitor
        if self._monitor:
            ping(self._monitor, "start")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, SystemExit) and isinstance(error.code, int):
            self._report(error.code)

    def _report(self, code: int) -> None:
        summary = self.summary
        if self._metrics:
            self._write_metrics(self._metrics, code)
        if self._monitor:
            text = closing_table(summary) if summary else self._line.text
            ping(self._monitor, str(code), self._line.secrets.redact(text))
        if self._line.as_json:
            write_event(self._event(code, self._line.text))

    def last_words(self, number: int) -> None:
        """Write the error of a signal that ends the process at once; it is safe in a signal handler."""
        text = "interrupted"
        shown = f"Error: {text}\n".encode()
        if self._line.as_json:
            shown = encoded(self._event(ExitCode.stopped_by(number), text)).encode()
        os.write(2, shown)

    def _event(self, code: int, error: str) -> RunFinished:
        summary = self.summary
        status = summary.summary.status if summary else "failed"
        return RunFinished(
            time=now(),
            level="INFO" if code == ExitCode.COMPLETE else "WARNING" if summary else "ERROR",
            run=self.run,
            message=f"the run is {status}" if summary else f"the run has no result: {error}",
            status=status,
            exit_code=code,
            products=summary.summary.total_products if summary else 0,
            seconds=round(self._seconds(), 3),
            files=summary.files if summary else {},
            error=None if summary else error,
        )

    def _write_metrics(self, path: Path, code: int) -> None:
        numbers = RunMetrics(code, self._started_at, self._seconds(), self.summary)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_files({path: [exposition(numbers)]})
        except (OSError, OutputError) as error:
            logger.warning("the metrics are not written: {}", error.__cause__ or error)

    def _seconds(self) -> float:
        return time.monotonic() - self._started
