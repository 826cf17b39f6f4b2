"""The files that a run writes."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.model.dead_letters import rejects_file
from pipeline.output.files import report_file
from pipeline.output.journal import journal_folder

_OUTPUT = Path("out/summary.json")
_PRODUCTS = Path("out/products.csv")
_JOURNAL = journal_folder(_OUTPUT)


class WrittenFile(msgspec.Struct, frozen=True):
    """One of them, where the summary is ``out/summary.json``; ``*`` stands for any name."""

    path: Path
    meaning: str
    stays: str


FILES: Sequence[WrittenFile] = (
    WrittenFile(_OUTPUT, "the summary: what came, what did not, and all products", "until the next run replaces it"),
    WrittenFile(_PRODUCTS, f"the products alone, with `--products {_PRODUCTS}`", "as long"),
    WrittenFile(report_file(_OUTPUT), "the report to look at, with `--report`", "until the next run with `--report`"),
    WrittenFile(
        rejects_file(_OUTPUT),
        "the rejected records, whole, one a line",
        "as long; there is none when nothing was rejected",
    ),
    WrittenFile(_JOURNAL / "pages", "what is normalized, page by page: the journal", "until a run is complete"),
    WrittenFile(_JOURNAL / "lock", "keeps a second run off the output", "as long as the journal"),
    WrittenFile(
        _JOURNAL.with_name(f"{_JOURNAL.name}.old") / "pages",
        "an unfinished journal that a run without `--resume` set aside",
        "until the next one is set aside",
    ),
    WrittenFile(_OUTPUT.with_name(".*.tmp"), "a new file while it is being written", "for a moment"),
)
