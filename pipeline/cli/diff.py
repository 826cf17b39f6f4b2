"""The command that compares the summaries of two runs."""

import shutil
import sys
from contextlib import closing
from pathlib import Path

from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.session import ErrorLine, print_text
from pipeline.output.atomic import write_files
from pipeline.output.changes import Comparison
from pipeline.output.snapshots import SummarySnapshot
from pipeline.ui.changes import changes_text

# The exit codes of `--exit-code`, as of diff(1).
_DIFFERENT, _NOT_COMPARABLE = 1, 2


def diff(*, old: Path, new: Path, output: Path | None, text_format: str | None, exit_code: bool) -> None:
    """Compare two summaries, and print the changes or write them to a file."""
    with (
        ErrorLine(as_json=False),
        closing(SummarySnapshot(old)) as before,
        closing(SummarySnapshot(new)) as now,
        Comparison(before, now) as comparison,
    ):
        changes = comparison.changes
        if output is not None:
            is_text = text_format == "text"  # a file is for programs
            write_files({output: [f"{_text(comparison)}\n".encode()] if is_text else comparison.lines()})
        elif text_format == "jsonl":
            for line in comparison.lines():
                print_text(line.decode().rstrip("\n"))
        else:
            print_text(_text(comparison))
        if not exit_code:
            sys.exit(ExitCode.COMPLETE)
        sys.exit(_DIFFERENT if not changes.is_empty else ExitCode.COMPLETE if changes.comparable else _NOT_COMPARABLE)


def _text(comparison: Comparison) -> str:
    return changes_text(comparison.changes, width=shutil.get_terminal_size((100, 24)).columns)
