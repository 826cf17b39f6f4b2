"""Adds up what the pages became, and decides which of several equal ids is the product."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pipeline.model import (
    Failure,
    NormalizedPage,
    Product,
    SourceReport,
    Status,
    Walk,
    utc_timestamp,
)
from pipeline.tally import Tally

_decode_product = msgspec.json.Decoder(Product).decode


class Catalogue(msgspec.Struct, frozen=True):
    """All of a run's findings but for its timing: what the summary is composed from.

    ``products`` are encoded lines in the order of endpoint, page and position.
    """

    sources: Sequence[SourceReport]
    errors: Sequence[Failure]
    products: Sequence[bytes]
    categories: Mapping[str, int]

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
    """Collects normalized pages in whatever order the threads deliver them; lives on the event loop, needs no lock.

    Duplicates are only told apart at the end, in the order of the pages: of several records with one id the first
    is the product, however the threads overtook each other.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self._pages: dict[str, list[NormalizedPage]] = {source: [] for source in sources}
        self._rejects: list[Failure] = []

    def add(self, page: NormalizedPage) -> None:
        """Take one page's products and rejects."""
        self._pages[page.source].append(page)
        self._rejects.extend(
            Failure(
                source=page.source,
                page=page.number,
                code=None,
                error=f"record {reject.position}: {reject.reason}",
                timestamp=utc_timestamp(),
                action="skip",
                position=reject.position,
            )
            for reject in page.rejects
        )

    def finish(self, walks: Iterable[Walk]) -> Catalogue:
        """Put it all together, given each endpoint's account of its walk, in the order of the endpoints."""
        reports: list[SourceReport] = []
        errors: list[Failure] = []
        products: list[bytes] = []
        total = Tally()
        for walk in walks:
            pages = sorted(self._pages[walk.source], key=lambda page: page.number)
            failures = sorted(
                (*walk.failures, *(reject for reject in self._rejects if reject.source == walk.source)),
                key=lambda failure: (failure.page, failure.position or 0),
            )
            tally = Tally()
            kept = list(_without_duplicates(pages, tally))
            reports.append(_report(walk, pages, len(kept), failures, tally))
            errors += failures
            products += kept
            total.merge(tally)
        return Catalogue(reports, errors, products, total.categories())


def _without_duplicates(pages: Iterable[NormalizedPage], tally: Tally) -> Iterator[bytes]:
    """The lines of the products whose id was not seen on the pages before; counts them in ``tally``."""
    seen: set[str] = set()
    for page in pages:
        known = len(seen)
        lines = page.lines.split(b"\n") if page.ids else []
        if seen.isdisjoint(page.ids):
            seen.update(page.ids)
            if len(seen) == known + len(page.ids):
                tally.merge(page.tally)
                yield from lines
                continue
            seen.difference_update(page.ids)
        for identity, line in zip(page.ids, lines, strict=True):
            if identity not in seen:
                seen.add(identity)
                product = _decode_product(line)
                tally.add(product.price, product.currency, product.category)
                yield line


def _report(
    walk: Walk, pages: Iterable[NormalizedPage], products: int, failures: Iterable[Failure], tally: Tally
) -> SourceReport:
    fetched = sum(page.records for page in pages)
    rejected = sum(len(page.rejects) for page in pages)
    prices = tally.prices()
    coercions: Counter[str] = Counter()
    for page in pages:
        coercions.update(page.coercions)
    return SourceReport(
        name=walk.source,
        status=walk.status,
        items_fetched=fetched,
        products=products,
        duplicates=fetched - rejected - products,
        rejected=rejected,
        pages_fetched=walk.pages_fetched,
        pages_missing=walk.pages_missing,
        missing_from=walk.missing_from,
        requests=walk.requests,
        retries=walk.retries,
        errors=sum(failure.action != "retry" for failure in failures),
        # Across currencies there is no average.
        avg_price=next(iter(prices.values())).avg if len(prices) == 1 else None,
        prices=prices,
        coercions=dict(sorted(coercions.items())),
    )
