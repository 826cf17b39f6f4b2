"""Replay dead letters: normalize rejected records again, after a fix, without fetching anything."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec
from loguru import logger

from pipeline.config.expect import Expect
from pipeline.errors import ConfigError, Problem
from pipeline.journal.lock import locked
from pipeline.model.dead_letters import DeadLetter, encode_letter, read_dead_letters
from pipeline.model.pages import NormalizedPage, Page, Product, Reject
from pipeline.model.summary import Failure, Replay, SourceReport, Totals
from pipeline.model.tally import Tally
from pipeline.output.aggregator import Catalogue
from pipeline.output.expectations import with_verdicts
from pipeline.output.files import OutputFiles
from pipeline.output.source_account import SourceAccount

_decode_product = msgspec.json.Decoder(Product).decode

Normalize = Callable[[Sequence[Page]], Sequence[NormalizedPage]]


class _Document(msgspec.Struct, frozen=True):
    """A summary file, with its products undecoded."""

    summary: Totals
    sources: Sequence[SourceReport]
    products: Sequence[msgspec.Raw]
    errors: Sequence[Failure]


def replay_rejects(
    files: OutputFiles, normalize: Normalize, expect_of: Callable[[str], Expect] = lambda source: Expect()
) -> Replay:
    """Normalize the dead letters of an output again and add what becomes a product to its summary.

    New products follow those that their source has already; a record with a known id is a duplicate. A record that is
    rejected again stays in the file of dead letters, with its new reason. If killed between the moves of the files, the
    next replay finds duplicates and counts none twice. ``expect_of`` returns the expectations of a source by its name,
    with which the new numbers are compared. The products file is written even if nothing changed, unless all sources
    are failed; the report stays as it is.

    Raises:
        ConfigError: if the summary is missing or that of a run that failed, if the summary or the dead letters cannot
            be read, if a run is writing to them, or if the products file cannot be written.
        OutputError: if a file cannot be written; the old files are then unchanged.
    """
    files = msgspec.structs.replace(files, report=None)
    files.prepare()
    with locked(files.journal):
        document = _read_summary(files.summary)
        if document.summary.status == "failed":
            text = "is the summary of a run that failed; correct the configuration, and run again"
            raise ConfigError([Problem(str(files.summary), text)])
        letters = _letters_by_source(files.rejects, {source.name for source in document.sources})
        replays = {source.name: _SourceReplay(source, document.errors) for source in document.sources}
        for raw in document.products:
            product = _decode_product(raw)
            replays[product.source].keep(product, bytes(raw))
        for name, replay in replays.items():
            replay.run(letters.get(name, ()), normalize)
        catalogue = with_verdicts(
            _combined(list(replays.values())),
            expect_of,
            {source.name: source.baseline_products for source in document.sources},
        )
        if letters or files.products:
            _write(files, document.summary, catalogue)
    if files.journal.exists():
        logger.warning(
            "an unfinished run is in {}; resuming it with --resume rewrites the summary: replay again after that",
            files.journal,
        )
    return Replay(
        letters=sum(map(len, letters.values())),
        products=sum(replay.new_products for replay in replays.values()),
        duplicates=sum(replay.new_duplicates for replay in replays.values()),
        rejected=sum(len(replay.rejected) for replay in replays.values()),
        output=files.summary,
        rejects=files.rejects if files.rejects.exists() else None,
        products_file=None if catalogue.status == "failed" else files.products,
    )


class _SourceReplay:
    """One source: its products so far, and the results of replaying its dead letters."""

    def __init__(self, report: SourceReport, errors: Iterable[Failure]) -> None:
        self.lines: list[bytes] = []
        self.rejected: list[DeadLetter] = []
        self.new_products = 0
        self.new_duplicates = 0
        self._report = report
        # Rejects have a position; the records still rejected are added after the replay.
        failures = [error for error in errors if error.source == report.name and error.position is None]
        self.account = SourceAccount(report.name, failures, report.coercions)

    def keep(self, product: Product, line: bytes) -> None:
        """Count a product that the summary has already."""
        self.account.add_product(product, partial(bytes, line))
        self.lines.append(line)

    def run(self, letters: Iterable[DeadLetter], normalize: Normalize) -> None:
        """Normalize the dead letters one by one."""
        coercions: list[Mapping[str, int]] = []
        for letter in letters:
            (page,) = normalize([letter.as_page()])
            lines = page.lines.split(b"\n") if page.ids else []
            read_lines = partial(bytes, page.lines)
            new = [line for line in lines if self.account.add_product(_decode_product(line), read_lines)]
            self.lines += new
            self.new_products += len(new)
            if page.rejects:
                again = page.rejects[0]
                self.rejected.append(msgspec.structs.replace(letter, field=again.field, reason=again.reason))
            else:
                self.new_duplicates += not new
                coercions.append(page.coercions)
        # A record that is replayed twice must not count its coercions twice.
        for each in coercions[: max(0, self._report.rejected - len(self.rejected))]:
            self.account.add_coercions(each)
        self._add_rejects()

    def _add_rejects(self) -> None:
        old, account = self._report, self.account
        by_page: dict[int, list[DeadLetter]] = defaultdict(list)
        for letter in self.rejected:
            by_page[letter.page].append(letter)
        for page, letters in by_page.items():
            rejects = [Reject(letter.position, letter.field, letter.reason) for letter in letters]
            account.add_rejects(page, letters[0].rejected_at, rejects, len(rejects))
        # The user may have removed dead letters, whose records still count as rejected.
        account.rejected = max(account.rejected, old.rejected - self.new_products - self.new_duplicates)
        # A record that is replayed twice must not count as a duplicate of itself.
        account.duplicates = max(old.duplicates, old.items_fetched - account.products - account.rejected)

    def report(self) -> SourceReport:
        """Return the source's report after the replay."""
        old, account = self._report, self.account
        # A record that is replayed twice is not a new duplicate, and must not conflict twice.
        conflicting = old.conflicting + min(account.conflicting, account.duplicates - old.duplicates)
        received = None if old.records_received is None else account.products + account.rejected
        fields = {**account.report_fields(), "conflicting": conflicting, "records_received": received}
        fields["dropped"] = old.dropped
        return msgspec.structs.replace(old, **fields)


def _combined(replays: Sequence[_SourceReplay]) -> Catalogue:
    tally = Tally()
    for replay in replays:
        tally.merge(replay.account.tally)
    return Catalogue(
        sources=[replay.report() for replay in replays],
        errors=[failure for replay in replays for failure in replay.account.failures],
        categories=tally.categories(),
        products=lambda: (line for replay in replays for line in replay.lines),
        dead_letters=lambda: (encode_letter(letter) + b"\n" for replay in replays for letter in replay.rejected),
    )


def _write(files: OutputFiles, totals: Totals, catalogue: Catalogue) -> None:
    totals = msgspec.structs.replace(
        totals,
        status=catalogue.status,
        total_products=catalogue.total_products,
        categories=catalogue.categories,
    )
    files.write(totals, catalogue)


def _read_summary(path: Path) -> _Document:
    remedy = "run the pipeline first, or name the output of a run with -o"
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Document)
    except FileNotFoundError:
        raise ConfigError([Problem(str(path), f"the summary does not exist; {remedy}")]) from None
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be read: {error.strerror}; {remedy}")]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), f"is not a summary of this version: {error}; {remedy}")]) from None


def _letters_by_source(path: Path, known: set[str]) -> dict[str, list[DeadLetter]]:
    letters: dict[str, list[DeadLetter]] = defaultdict(list)
    for letter in read_dead_letters(path):
        if letter.source not in known:
            place = f"page {letter.page}, record {letter.position} is of {letter.source!r}"
            text = f"{place}, which is not in the summary; remove the line, or name the output of its run with -o"
            raise ConfigError([Problem(str(path), text)])
        letters[letter.source].append(letter)
    return letters
