"""Write normalized pages to the journal, then combine them into the catalogue."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import msgspec
from loguru import logger

from pipeline.formatting import counted
from pipeline.journal.entries import EntrySpan
from pipeline.journal.journal import Journal
from pipeline.model.dead_letters import decode_letter, encode_letter
from pipeline.model.metrics import SourceTime
from pipeline.model.pages import NormalizedPage, utc_timestamp
from pipeline.model.summary import Conflict, Failure, FetchResult, Gap, SourceReport, Status
from pipeline.model.tally import Tally
from pipeline.output.previous import PreviousSummary
from pipeline.output.source_account import SourceAccount
from pipeline.redaction import Secrets


class Catalogue(msgspec.Struct, frozen=True):
    """The findings of a run over all sources, without its times, and access to the products.

    ``products()`` yields the products as JSON Lines, in the order of endpoint, page and position. A chunk has one or
    more lines and no line end after the last. ``dead_letters()`` yields the rejected records in the same order; each
    line has its line end. Both start from the beginning at each call. The catalogue of a run reads them from the
    journal, which must still be open. ``conflicts`` has the first duplicates of each source with another price.
    """

    sources: Sequence[SourceReport]
    errors: Sequence[Failure]
    categories: Mapping[str, int]
    products: Callable[[], Iterable[bytes]]
    dead_letters: Callable[[], Iterable[bytes]]
    conflicts: Sequence[Conflict] = ()

    @property
    def total_products(self) -> int:
        """The number of products of all sources."""
        return sum(source.products for source in self.sources)

    @property
    def status(self) -> Status:
        """The status that all sources share, else ``partial``."""
        statuses = {source.status for source in self.sources}
        return statuses.pop() if len(statuses) == 1 else "partial"

    @property
    def success_rate(self) -> float:
        """Pages fetched ÷ (pages fetched + pages missing), over all sources; 0 if nothing was fetched."""
        fetched = sum(source.pages_fetched for source in self.sources)
        missing = sum(len(source.pages_missing) for source in self.sources)
        return round(fetched / (fetched + missing), 4) if fetched else 0.0


class _KeptPage(msgspec.Struct, frozen=True, gc=False):
    """A page in the journal, and the indices of its lines that are duplicates."""

    span: EntrySpan
    duplicates: Sequence[int]


class Aggregator:
    """An aggregator that writes each page to the journal as it comes, and combines all pages at the end.

    Duplicates are resolved at the end, in page order. Of several records with one id the first is the product,
    regardless of the order in which workers finish. Memory holds the position of each page in the journal and, while
    combining, the ids of one source.

    ``secrets`` maps each source to its credentials, which are removed from rejected records. ``definitions`` maps each
    source to a digest of its definition. ``uncountable`` names the sources whose announced totals cannot be compared
    with the number of their records. ``checkpoint`` is called once per page while pages are combined or read; it may
    raise to end that. ``previous`` has the products of sources that are not fetched.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        secrets: Mapping[str, Secrets] = MappingProxyType({}),
        definitions: Mapping[str, str] = MappingProxyType({}),
        uncountable: Collection[str] = (),
        checkpoint: Callable[[], None] = lambda: None,
        previous: PreviousSummary | None = None,
    ) -> None:
        self._previous = previous
        self._journal = journal
        self._secrets = secrets
        self._definitions = definitions
        self._uncountable = uncountable
        self._checkpoint = checkpoint

    def add(self, page: NormalizedPage) -> None:
        """Append a page's products and rejects to the journal.

        Raises:
            OutputError: if the journal cannot be written.
        """
        if page.rejected and (secrets := self._secrets.get(page.source)):
            page = _redacted(page, secrets)
        self._journal.append(page)

    def finish(self, results: Iterable[FetchResult]) -> Catalogue:
        """Combine all pages into a catalogue, given each endpoint's fetch result in the order of the endpoints."""
        reports: list[SourceReport] = []
        errors: list[Failure] = []
        conflicts: list[Conflict] = []
        kept: list[_KeptPage | str] = []
        total = Tally()
        for result in results:
            if result.unchanged or result.taken_over:
                reports.append(self._take_over(result, errors, total))
                kept.append(result.source)
                continue
            account = SourceAccount(result.source, result.failures)
            for entry, span in self._journal.entries(result.source):
                self._checkpoint()
                kept.append(_KeptPage(span, account.add_page(entry, partial(self._lines, span))))
            reports.append(self._report(result, account))
            errors += account.failures
            conflicts += account.conflicts
            total.merge(account.tally)
        return Catalogue(
            reports,
            errors,
            total.categories(),
            products=partial(self._products, kept),
            dead_letters=partial(self._dead_letters, kept),
            conflicts=conflicts,
        )

    def _take_over(self, result: FetchResult, errors: list[Failure], total: Tally) -> SourceReport:
        """Return the report of a source that was not fetched, or of a feed that has not changed; count its products.

        The report of a feed has the requests of this run.
        """
        assert self._previous is not None
        earlier = self._previous.failures if result.taken_over else self._previous.rejects
        errors += [*result.failures, *earlier(result.source)]
        for product in self._previous.products(result.source):
            total.add(product.price, product.currency, product.category)
        self._checkpoint()
        report = self._previous.report(result.source)
        if result.taken_over:
            return msgspec.structs.replace(report, taken_over=True)
        return msgspec.structs.replace(
            report,
            taken_over=False,
            requests=result.requests,
            retries=result.retries,
            refused=result.traffic.refused,
            fitting_rps=result.fitting_rps,
            time=SourceTime(**msgspec.structs.asdict(result.time)),
            unchanged=True,
        )

    def _report(self, result: FetchResult, account: SourceAccount) -> SourceReport:
        received = None if result.source in self._uncountable else account.products + account.rejected
        if received is not None and (shortfall := _shortfall(result, received)):
            result = msgspec.structs.replace(result, gaps=[shortfall])
            (page,) = shortfall.pages
            account.add_failure(Failure(result.source, page, None, shortfall.reason, utc_timestamp(), "skip"))
            logger.bind(endpoint=result.source).warning("{}; the rest is missing", shortfall.reason)
        return SourceReport(
            name=result.source,
            status=result.status,
            pages_fetched=result.pages_fetched,
            pages_missing=result.pages_missing,
            missing_from=result.missing_from,
            pages_wanted=result.pages_wanted,
            end_known_by=result.end_known_by,
            records_announced=result.announced.records,
            records_received=received,
            gaps=result.gaps,
            requests=result.requests,
            retries=result.retries,
            refused=result.traffic.refused,
            fitting_rps=result.fitting_rps,
            time=SourceTime(**msgspec.structs.asdict(result.time)),
            fetched_at=account.fetched_at or (None if result.status == "failed" else utc_timestamp()),
            definition=self._definitions.get(result.source, ""),
            feed=result.feed,
            **account.report_fields(),
        )

    def _lines(self, span: EntrySpan) -> bytes:
        self._checkpoint()
        return self._journal.lines(span)

    def _products(self, kept: Iterable[_KeptPage | str]) -> Iterator[bytes]:
        for page in kept:
            self._checkpoint()
            if isinstance(page, str):
                assert self._previous is not None
                yield from self._previous.lines(page)
                continue
            lines = self._journal.lines(page.span)
            if page.duplicates:
                dropped = set(page.duplicates)
                every = enumerate(lines.split(b"\n"))
                lines = b"\n".join(line for index, line in every if index not in dropped)
            if lines:
                yield lines

    def _dead_letters(self, kept: Iterable[_KeptPage | str]) -> Iterator[bytes]:
        for page in kept:
            self._checkpoint()
            if isinstance(page, str):
                assert self._previous is not None
                yield from self._previous.letters(page)
            elif page.span.letters:
                yield self._journal.dead_letters(page.span) + b"\n"


def _shortfall(result: FetchResult, received: int) -> Gap | None:
    """Return the gap of a source that announced over 1 % more records than came, though no page is known to be missing.

    A smaller difference is usual: catalogues change while they are read.
    """
    announced = result.announced.records
    if announced is None or result.is_estimate or result.gaps or 100 * received >= 99 * announced:
        return None
    reason = f"announced {counted(announced, 'record')}, {received:,} received"
    return Gap((result.pages_fetched + 1,), reason, onward=True)


def _redacted(page: NormalizedPage, secrets: Secrets) -> NormalizedPage:
    """Return the page without the credentials that its API may have repeated in rejected records."""
    rejects = [msgspec.structs.replace(reject, reason=secrets.redact(reject.reason)) for reject in page.rejects]
    letters = (decode_letter(line).redacted(secrets) for line in page.dead_letters.split(b"\n"))
    return msgspec.structs.replace(page, rejects=rejects, dead_letters=b"\n".join(map(encode_letter, letters)))
