"""Adds up what the pages became, and decides which of several equal ids is the product."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from pipeline.config.settings import RateLimit
from pipeline.model.dead_letters import decode_letter, encode_letter
from pipeline.model.metrics import SourceTime
from pipeline.model.pages import MAX_LISTED_REJECTS, NormalizedPage, Product, Reject
from pipeline.model.summary import Failure, FetchResult, SourceReport, Status
from pipeline.model.tally import Tally
from pipeline.output.bottleneck import bottleneck
from pipeline.output.journal import EntrySpan, Journal, PageEntry
from pipeline.redaction import Secrets

_decode_product = msgspec.json.Decoder(Product).decode


class KeptLines(msgspec.Struct, frozen=True, gc=False):
    """Which products of a page are kept: the lines at its span in the journal, but for the ``duplicates``."""

    span: EntrySpan
    duplicates: Sequence[int]


class Catalogue(msgspec.Struct, frozen=True):
    """All of a run's findings but for when it ran: what the summary is composed from.

    ``kept`` says where the products are, in the order of endpoint, page and position.
    """

    sources: Sequence[SourceReport]
    errors: Sequence[Failure]
    kept: Sequence[KeptLines]
    categories: Mapping[str, int]

    @property
    def total_products(self) -> int:
        """How many products there are, over all sources."""
        return sum(source.products for source in self.sources)

    @property
    def status(self) -> Status:
        """``failed`` when no source delivered anything, ``complete`` when all delivered everything."""
        of_sources = {source.status for source in self.sources}
        return of_sources.pop() if len(of_sources) == 1 else "partial"

    @property
    def success_rate(self) -> float:
        """Pages fetched ÷ (pages fetched + pages missing), over all sources; 0 where nothing was fetched."""
        fetched = sum(source.pages_fetched for source in self.sources)
        missing = sum(len(source.pages_missing) for source in self.sources)
        return round(fetched / (fetched + missing), 4) if fetched else 0.0


class Aggregator:
    """Writes each page to the journal as it comes, and adds them up in the end.

    Duplicates are only told apart then, in the order of the pages: of several records with one id the first is the
    product, however the threads overtook each other. In memory are the places of the pages, and while adding up the
    ids of one source. ``secrets`` and ``limits`` are each source's; ``checkpoint`` is called once per page when
    all is put together, and may raise to end that.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        secrets: Mapping[str, Secrets] = MappingProxyType({}),
        limits: Mapping[str, RateLimit] = MappingProxyType({}),
        checkpoint: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._secrets = secrets
        self._limits = limits
        self._checkpoint = checkpoint

    def add(self, page: NormalizedPage) -> None:
        """Take one page's products and rejects.

        Raises:
            OutputError: when they cannot be written down.
        """
        if page.rejected and (secrets := self._secrets.get(page.source)):
            page = _redacted(page, secrets)
        self._journal.append(page)

    def finish(self, walks: Iterable[FetchResult], *, busy: float = 0.0) -> Catalogue:
        """Put it all together, given each endpoint's account of its walk, in the order of the endpoints.

        ``busy`` is the share of the run in which the process had the processor.
        """
        reports: list[SourceReport] = []
        errors: list[Failure] = []
        kept: list[KeptLines] = []
        total = Tally()
        for walk in walks:
            source = _Source(walk)
            for entry, span in self._journal.entries(walk.source):
                self._checkpoint()
                kept.append(source.add(entry, span, self._journal))
            spent = msgspec.structs.asdict(walk.time)
            held_up = bottleneck(walk.time, walk.traffic, self._limits.get(walk.source, RateLimit()), busy=busy)
            reports.append(source.report(SourceTime(**spent, bottleneck=held_up)))
            errors += source.failures()
            total.merge(source.tally)
        return Catalogue(reports, errors, kept, total.categories())

    def products(self, catalogue: Catalogue) -> Iterator[bytes]:
        """The products that are kept, page by page, as JSON Lines."""
        for page in catalogue.kept:
            self._checkpoint()
            lines = self._journal.lines(page.span)
            if page.duplicates:
                dropped = set(page.duplicates)
                every = enumerate(lines.split(b"\n"))
                lines = b"\n".join(line for index, line in every if index not in dropped)
            if lines:
                yield lines

    def dead_letters(self, catalogue: Catalogue) -> Iterator[bytes]:
        """The rejected records, in the same order, as JSON Lines with all their line ends."""
        for page in catalogue.kept:
            self._checkpoint()
            if page.span.letters:
                yield self._journal.dead_letters(page.span) + b"\n"


class _Source:
    """Adds up the pages of one source, in their order."""

    def __init__(self, walk: FetchResult) -> None:
        self._walk = walk
        self._seen: set[str] = set()
        self._duplicates = 0
        self._rejected = 0
        self._rejects: list[Failure] = []
        self._coercions: Counter[str] = Counter()
        self.tally = Tally()

    def add(self, entry: PageEntry, span: EntrySpan, journal: Journal) -> KeptLines:
        self._coercions.update(entry.coercions)
        self._rejected += entry.rejected
        self._rejects += failures_of(entry.source, entry.number, entry.at, entry.rejects, entry.rejected)
        duplicates = self._duplicates_in(entry.ids)
        if duplicates:
            self._duplicates += len(duplicates)
            dropped = set(duplicates)
            for index, line in enumerate(journal.lines(span).split(b"\n")):
                if index not in dropped:
                    product = _decode_product(line)
                    self.tally.add(product.price, product.currency, product.category)
        else:
            self.tally.merge(Tally.from_state(entry.tally))
        return KeptLines(span, duplicates)

    def _duplicates_in(self, ids: Sequence[str]) -> list[int]:
        """The indices of the ids that were seen before, here or on an earlier page; remembers the others."""
        before = len(self._seen)
        if self._seen.isdisjoint(ids):
            self._seen.update(ids)
            if len(self._seen) == before + len(ids):
                return []
            self._seen.difference_update(ids)
        duplicates = []
        for index, identity in enumerate(ids):
            if identity in self._seen:
                duplicates.append(index)
            self._seen.add(identity)
        return duplicates

    def failures(self) -> list[Failure]:
        return sorted((*self._walk.failures, *self._rejects), key=lambda failure: (failure.page, failure.position or 0))

    def report(self, time: SourceTime) -> SourceReport:
        walk, prices = self._walk, self.tally.prices()
        products, rejected = len(self._seen), self._rejected
        return SourceReport(
            name=walk.source,
            status=walk.status,
            items_fetched=products + self._duplicates + rejected,
            products=products,
            duplicates=self._duplicates,
            rejected=rejected,
            pages_fetched=walk.pages_fetched,
            pages_missing=walk.pages_missing,
            missing_from=walk.missing_from,
            pages_wanted=walk.pages_wanted,
            end_known_by=walk.end_known_by,
            records_announced=walk.announced.records,
            gaps=walk.gaps,
            requests=walk.requests,
            retries=walk.retries,
            errors=sum(failure.action != "retry" for failure in (*walk.failures, *self._rejects)),
            # Across currencies there is no average.
            avg_price=next(iter(prices.values())).avg if len(prices) == 1 else None,
            prices=prices,
            coercions=dict(sorted(self._coercions.items())),
            time=time,
        )


def _redacted(page: NormalizedPage, secrets: Secrets) -> NormalizedPage:
    """The page without the credentials that its API may have repeated in what was rejected."""
    rejects = [msgspec.structs.replace(reject, reason=secrets.redact(reject.reason)) for reject in page.rejects]
    letters = (decode_letter(line).redacted(secrets) for line in page.dead_letters.split(b"\n"))
    return msgspec.structs.replace(page, rejects=rejects, dead_letters=b"\n".join(map(encode_letter, letters)))


def failures_of(source: str, page: int, at: str, rejects: Sequence[Reject], rejected: int) -> Iterator[Failure]:
    """An entry of `errors` for each of the first ``rejects`` of a page, and one for all others of the ``rejected``."""
    listed = rejects[:MAX_LISTED_REJECTS]
    for reject in listed:
        text = f"record {reject.position}: {reject.reason}"
        yield Failure(source, page, None, text, at, "skip", reject.position)
    if unlisted := rejected - len(listed):
        text = f"{unlisted} more records of this page were rejected"
        yield Failure(source, page, None, text, at, "skip", listed[-1].position + 1)
