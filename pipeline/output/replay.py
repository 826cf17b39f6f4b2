"""Replays dead letters: normalizes rejected records again, after a fix, without fetching anything."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from loguru import logger

from pipeline.errors import ConfigError, Problem
from pipeline.model.dead_letters import DeadLetter, encode_letter, read_dead_letters, rejects_file
from pipeline.model.pages import NormalizedPage, Page, Product, Reject
from pipeline.model.summary import Failure, Replay, SourceReport, Totals
from pipeline.model.tally import Tally
from pipeline.output.aggregator import Catalogue, failures_of
from pipeline.output.atomic import prepare_output
from pipeline.output.files import ProductsFile, write_summary
from pipeline.output.journal import journal_folder
from pipeline.output.lock import locked

_decode_product = msgspec.json.Decoder(Product).decode

Normalize = Callable[[Sequence[Page]], Sequence[NormalizedPage]]


class _Document(msgspec.Struct, frozen=True):
    """A summary file, its products still as they stand there."""

    summary: Totals
    sources: Sequence[SourceReport]
    products: Sequence[msgspec.Raw]
    errors: Sequence[Failure]


def replay_rejects(output: Path, normalize: Normalize, products_file: ProductsFile | None = None) -> Replay:
    """Normalize the dead letters of ``output`` again and put what becomes a product into it.

    A product stands behind those of its source that are there already; a record whose id is there is a duplicate. What
    is rejected again stays in the file of dead letters, with its new reason. Killed between the moves of the files, the
    next replay finds duplicates and counts none twice. ``products_file`` is written whether anything changed or not.

    Raises:
        ConfigError: when summary or dead letters are missing or no such files, a run is writing to them, or the file
            for the products cannot be made.
        OutputError: when they cannot be written; they are as they were then.
    """
    path = rejects_file(output)
    prepare_output(output)
    if products_file:
        products_file.prepare(output)
    folder = journal_folder(output)
    with locked(folder):
        document = _read_summary(output)
        letters = _letters_by_source(path, {source.name for source in document.sources})
        by_name = {s.name: _Merge(s, letters.get(s.name, ()), normalize) for s in document.sources}
        for raw in document.products:
            product = _decode_product(raw)
            by_name[product.source].keep(product, raw)
        merges = list(by_name.values())
        for merge in merges:
            merge.replay()
        if letters or products_file:
            _write(output, document, merges, products_file)
    if folder.exists():
        logger.warning("an unfinished run lies in {}: --resume makes the summary anew, replay again then", folder)
    return Replay(
        letters=sum(map(len, letters.values())),
        products=sum(merge.new_products for merge in merges),
        duplicates=sum(merge.new_duplicates for merge in merges),
        rejected=sum(len(merge.rejected) for merge in merges),
        output=output,
        rejects=path if path.exists() else None,
        products_file=products_file.path if products_file else None,
    )


class _Merge:
    """One source: its products, and what becomes of its dead letters."""

    def __init__(self, source: SourceReport, letters: Sequence[DeadLetter], normalize: Normalize) -> None:
        self.name = source.name
        self.lines: list[bytes] = []
        self.rejected: list[DeadLetter] = []
        self.new_products = 0
        self.new_duplicates = 0
        self.tally = Tally()
        self._source = source
        self._letters = letters
        self._normalize = normalize
        self._ids: set[str] = set()
        self._coercions = Counter(source.coercions)

    def keep(self, product: Product, raw: msgspec.Raw) -> None:
        """A product that was there before."""
        self._ids.add(product.id)
        self.lines.append(bytes(raw))
        self.tally.add(product.price, product.currency, product.category)

    def replay(self) -> None:
        """Normalize the dead letters, one by one."""
        coercions: list[Mapping[str, int]] = []
        for letter in self._letters:
            (page,) = self._normalize([Page(letter.source, letter.page, [letter.raw])])
            if page.rejects:
                again = page.rejects[0]
                self.rejected.append(msgspec.structs.replace(letter, field=again.field, reason=again.reason))
            lines = page.lines.split(b"\n") if page.ids else []
            new = [(each, line) for each, line in zip(page.ids, lines, strict=True) if each not in self._ids]
            for _, line in new:
                self.new_products += 1
                self.keep(_decode_product(line), msgspec.Raw(line))
            if not page.rejects:
                coercions.append(page.coercions)
                self.new_duplicates += not new
        # Replayed twice, a record's readings count once.
        for each in coercions[: max(0, self._source.rejected - len(self.rejected))]:
            self._coercions.update(each)

    def report(self) -> SourceReport:
        """The source's entry as it is now."""
        old, prices = self._source, self.tally.prices()
        products = old.products + self.new_products
        rejected = max(old.rejected - self.new_products - self.new_duplicates, len(self.rejected))
        # Replayed twice, a record is no second duplicate.
        duplicates = max(old.duplicates, old.items_fetched - products - rejected)
        return msgspec.structs.replace(
            old,
            items_fetched=products + duplicates + rejected,
            products=products,
            duplicates=duplicates,
            rejected=rejected,
            avg_price=next(iter(prices.values())).avg if len(prices) == 1 else None,
            prices=prices,
            coercions=dict(sorted(self._coercions.items())),
        )

    def failures(self) -> Iterator[Failure]:
        """An entry of ``errors`` for each record that is still rejected, as a run would have it."""
        pages: dict[int, list[DeadLetter]] = defaultdict(list)
        for letter in self.rejected:
            pages[letter.page].append(letter)
        for page, letters in pages.items():
            rejects = [Reject(letter.position, letter.field, letter.reason) for letter in letters]
            yield from failures_of(self.name, page, letters[0].rejected_at, rejects, len(rejects))


def _write(output: Path, document: _Document, merges: Sequence[_Merge], products_file: ProductsFile | None) -> None:
    tally = Tally()
    sources: list[SourceReport] = []
    errors: list[Failure] = []
    for merge in merges:
        tally.merge(merge.tally)
        of_source = [e for e in document.errors if e.source == merge.name and e.position is None]
        of_source = sorted((*of_source, *merge.failures()), key=lambda failure: (failure.page, failure.position or 0))
        healed = sum(e.action != "retry" for e in of_source)
        sources.append(msgspec.structs.replace(merge.report(), errors=healed))
        errors += of_source
    catalogue = Catalogue(sources, errors, [], tally.categories())
    totals = msgspec.structs.replace(
        document.summary, total_products=catalogue.total_products, categories=catalogue.categories
    )
    products = [line for merge in merges for line in merge.lines]
    letters = [encode_letter(letter) + b"\n" for merge in merges for letter in merge.rejected]
    others = {products_file.path: products_file.chunks(catalogue, products)} if products_file else {}
    write_summary(output, totals, catalogue, products, letters or None, others=others)


def _read_summary(output: Path) -> _Document:
    remedy = "run the pipeline first, or name the output of a run with -o"
    try:
        return msgspec.json.decode(output.read_bytes(), type=_Document)
    except FileNotFoundError:
        raise ConfigError([Problem(str(output), f"there is no such summary; {remedy}")]) from None
    except OSError as error:
        raise ConfigError([Problem(str(output), f"cannot be read: {error.strerror}; {remedy}")]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(output), f"is no summary of this version: {error}; {remedy}")]) from None


def _letters_by_source(path: Path, known: set[str]) -> dict[str, list[DeadLetter]]:
    letters: dict[str, list[DeadLetter]] = defaultdict(list)
    for letter in read_dead_letters(path):
        if letter.source not in known:
            place = f"page {letter.page}, record {letter.position} is of {letter.source!r}"
            text = f"{place}, which is not in the summary; remove the line, or name the output of its run with -o"
            raise ConfigError([Problem(str(path), text)])
        letters[letter.source].append(letter)
    return letters
