"""The files that a run writes."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.journal.journal import journal_folder
from pipeline.model.dead_letters import rejects_file
from pipeline.output.files import changes_file, report_file

_OUTPUT = Path("out/summary.json")
_PRODUCTS = Path("out/products.csv")
_STORE = Path("out/catalogue.db")
_JOURNAL = journal_folder(_OUTPUT)


class WrittenFile(msgspec.Struct, frozen=True):
    """A file that a run with the summary ``out/summary.json`` writes; ``*`` in its path matches any name."""

    path: Path
    meaning: str
    stays: str


FILES: Sequence[WrittenFile] = (
    WrittenFile(_OUTPUT, "the summary: results per source, errors, and all products", "until the next run replaces it"),
    WrittenFile(
        _PRODUCTS, f"the products alone, with `--products {_PRODUCTS}`", "until a run that is not `failed` replaces it"
    ),
    WrittenFile(
        changes_file(_OUTPUT),
        "what changed since the summary that was replaced, with `--changes`",
        "until the next run with `--changes`",
    ),
    WrittenFile(
        _STORE,
        f"the history of the catalogue, with `--store sqlite:///{_STORE}`; during a run also with `-wal` and `-shm`",
        "always: each run adds to it",
    ),
    WrittenFile(report_file(_OUTPUT), "the HTML report, with `--report`", "until the next run with `--report`"),
    WrittenFile(
        rejects_file(_OUTPUT),
        "the rejected records, unchanged, one per line",
        "until the next run replaces it; does not exist if nothing was rejected",
    ),
    WrittenFile(_JOURNAL / "pages", "the journal: normalized records, page by page", "until no page is missing"),
    WrittenFile(_JOURNAL / "lock", "lock against a second run with the same output", "as long as the journal"),
    WrittenFile(
        _JOURNAL.with_name(f"{_JOURNAL.name}.old") / "pages",
        "an unfinished journal, set aside by a run without `--resume`, for its age or its version",
        "until the next one is set aside",
    ),
    WrittenFile(_OUTPUT.with_name(".*.tmp"), "a new file while it is being written", "until it is complete"),
)
