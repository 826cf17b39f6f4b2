"""The facts that the report shows, gathered in memory that does not grow with the number of products."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Self

import msgspec

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.html_report.histogram import Histogram
from pipeline.html_report.origin import NO_ORIGIN, Origin
from pipeline.model.changes import Changes
from pipeline.model.dead_letters import DeadLetter, decode_letter
from pipeline.model.metrics import Traffic
from pipeline.model.pages import Product
from pipeline.model.summary import Conflict, Failure, FetchResult, SourceReport, Totals
from pipeline.model.tally import UNKNOWN_CURRENCY
from pipeline.normalize.fields import UNCATEGORIZED
from pipeline.output.aggregator import Catalogue
from pipeline.output.expectations import problems_of

# Limits of lists and charts, so that a report of a thousand sources stays legible; the rest is only counted.
MOST_SOURCES = 10
MOST_PRICES = 12
MOST_CATEGORIES = 15
CATEGORY_LENGTH = 100
MOST_LISTED = 40
MOST_REJECTING = 20
EXAMPLES = 3
RECORD_LENGTH = 400


class _Counted(msgspec.Struct):
    """The fields of a product that histograms and the coverage need."""

    source: str
    price: float | None
    currency: str | None
    title: str | None
    category: str


_decode_counted = msgspec.json.Decoder(_Counted).decode
_decode_product = msgspec.json.Decoder(Product).decode


class Source(msgspec.Struct, frozen=True):
    """A source that is shown in charts; ``rps`` is its rate limit in requests per second, 0 for none."""

    report: SourceReport
    traffic: Traffic
    rps: float

    @property
    def lasted(self) -> float:
        """The seconds until the source ended, including the span of its last attempt."""
        return max([self.report.time.wall, *(slot.at + self.traffic.span for slot in self.traffic.slots[-1:])])


class Example(msgspec.Struct, frozen=True):
    """A rejected record: its place, the reason, and its beginning."""

    page: int
    position: int
    reason: str
    record: str

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """Return the example for a dead letter, with at most ``RECORD_LENGTH`` characters of its record."""
        record = bytes(letter.raw).decode(errors="replace")
        shown = record if len(record) <= RECORD_LENGTH else f"{record[:RECORD_LENGTH]}…"
        return cls(letter.page, letter.position, letter.reason, shown)


class Rejects(msgspec.Struct, frozen=True):
    """The number of rejected records of a source, and the first of them."""

    source: str
    count: int
    examples: Sequence[Example]


class Failures(msgspec.Struct, frozen=True):
    """Failures for the same reason: their number, their consequences, and the pages of each source."""

    error: str
    count: int
    actions: Sequence[str]
    pages: Mapping[str, Sequence[int]]


class Coverage(msgspec.Struct):
    """The number of products of a source, and of those that have each of the fields."""

    products: int = 0
    title: int = 0
    price: int = 0
    currency: int = 0
    category: int = 0

    def add(self, product: _Counted) -> None:
        """Count a product and its fields."""
        self.products += 1
        self.title += bool(product.title)
        self.price += product.price is not None
        self.currency += product.currency is not None
        self.category += product.category != UNCATEGORIZED


class Facts(msgspec.Struct, frozen=True):
    """The content of a report.

    ``sources`` has all sources, ``drawn`` those that are shown in charts. ``histograms`` and ``categories`` begin with
    the largest. ``other_categories`` is the number of categories that are left out, ``other_products`` that of their
    products. ``failures`` has one entry for each reason, the most frequent first. ``last_errors`` is the error of the
    last failed attempt of each source with missing pages. ``configuration`` is YAML without secrets. ``problems`` has
    the name of a source and what is wrong with its data. ``resumable`` is True if a resumed run would fetch only the
    missing pages. ``changed`` has the changes since the replaced summary, None if they were not asked for. ``coverage``
    counts the fields by source. ``conflicts`` are the first duplicates of each source that have another price.
    ``origin`` has the command and the files of the run.
    """

    totals: Totals
    sources: Sequence[SourceReport]
    drawn: Sequence[Source]
    samples: Sequence[Product]
    histograms: Sequence[Histogram]
    categories: Sequence[tuple[str, int]]
    rejects: Sequence[Rejects]
    coercions: Sequence[tuple[str, Mapping[str, int]]]
    failures: Sequence[Failures]
    last_errors: Mapping[str, str]
    configuration: str
    other_categories: int = 0
    other_products: int = 0
    problems: Sequence[tuple[str, str]] = ()
    resumable: bool = False
    changed: Changes | None = None
    coverage: Mapping[str, Coverage] = {}
    conflicts: Sequence[Conflict] = ()
    origin: Origin = NO_ORIGIN


def gather(
    totals: Totals,
    catalogue: Catalogue,
    results: Sequence[FetchResult],
    *,
    endpoints: Sequence[ResolvedEndpoint],
    configuration: str,
    changed: Changes | None = None,
    origin: Origin = NO_ORIGIN,
) -> Facts:
    """Gather the facts of a run, in one pass over its products and one over its dead letters if there are any."""
    limits = {endpoint.name: endpoint.rate_limit for endpoint in endpoints}
    drawn = [
        Source(report, result.traffic, limits[report.name].rps)
        for report, result in _worth_drawing(list(zip(catalogue.sources, results, strict=True)))
    ]
    histograms = _histograms(catalogue.sources)
    coverage = {source.name: Coverage() for source in catalogue.sources}
    samples = _look_at(catalogue.products(), histograms, coverage, {source.report.name for source in drawn})
    categories = sorted(catalogue.categories.items(), key=lambda item: (-item[1], item[0]))
    return Facts(
        # The categories have a field of their own, which does not grow with their number.
        totals=msgspec.structs.replace(totals, categories={}),
        sources=catalogue.sources,
        drawn=drawn,
        samples=samples,
        histograms=list(histograms.values()),
        categories=[(name[:CATEGORY_LENGTH], count) for name, count in categories[:MOST_CATEGORIES]],
        other_categories=len(categories[MOST_CATEGORIES:]),
        other_products=sum(count for _, count in categories[MOST_CATEGORIES:]),
        rejects=list(_rejects(catalogue.sources, catalogue.dead_letters())),
        coercions=_coercions(catalogue.sources),
        failures=_failures(catalogue.errors),
        last_errors=_last_errors(catalogue.sources, results),
        configuration=configuration,
        problems=[(source.name, problem) for source in catalogue.sources for problem in problems_of(source)],
        resumable=any(result.gaps for result in results) and any(source.items_fetched for source in catalogue.sources),
        changed=changed,
        coverage=coverage,
        conflicts=catalogue.conflicts[:MOST_LISTED],
        origin=origin,
    )


def _worth_drawing(sources: Sequence[tuple[SourceReport, FetchResult]]) -> Sequence[tuple[SourceReport, FetchResult]]:
    """Return all sources; if there are too many, the incomplete and then the slowest ones."""
    if len(sources) <= MOST_SOURCES:
        return sources
    worst = sorted(sources, key=lambda pair: (pair[0].status == "complete", -pair[0].time.wall))
    return worst[:MOST_SOURCES]


def _histograms(sources: Iterable[SourceReport]) -> Mapping[tuple[str, str], Histogram]:
    """Return empty histograms by source and currency, for those with the most products."""
    every = [(source.name, currency, prices) for source in sources for currency, prices in source.prices.items()]
    most = sorted(every, key=lambda item: -item[2].count)[:MOST_PRICES]
    return {(name, currency): Histogram(name, currency, prices) for name, currency, prices in most}


def _look_at(
    blocks: Iterable[bytes],
    histograms: Mapping[tuple[str, str], Histogram],
    coverage: Mapping[str, Coverage],
    sampled: Iterable[str],
) -> Sequence[Product]:
    """Count the prices and fields of all products, and return the first products of each source in ``sampled``."""
    samples: list[Product] = []
    wanted = dict.fromkeys(sampled, EXAMPLES)
    for block in blocks:
        for line in block.split(b"\n"):
            product = _decode_counted(line)
            coverage[product.source].add(product)
            if wanted.get(product.source):
                wanted[product.source] -= 1
                samples.append(_decode_product(line))
            if product.price is not None:
                histogram = histograms.get((product.source, product.currency or UNKNOWN_CURRENCY))
                if histogram is not None:
                    histogram.add(product.price)
    return samples


def _rejects(sources: Sequence[SourceReport], blocks: Iterable[bytes]) -> Iterator[Rejects]:
    rejecting = {source.name: source.rejected for source in sources if source.rejected}
    examples: dict[str, list[Example]] = {name: [] for name in islice(rejecting, MOST_REJECTING)}
    for block in blocks if rejecting else ():
        letters = [decode_letter(line) for line in block.split(b"\n", EXAMPLES)[:EXAMPLES] if line]
        found = examples.get(letters[0].source)  # a block is a page, and has one source
        if found is not None:
            found += map(Example.of, letters[: EXAMPLES - len(found)])
    for name, count in rejecting.items():
        yield Rejects(name, count, examples.get(name, ()))


def _coercions(sources: Iterable[SourceReport]) -> Sequence[tuple[str, Mapping[str, int]]]:
    """Return the uses of each rule by source, the most frequent rule first."""
    by_rule: dict[str, dict[str, int]] = {}
    for source in sources:
        for rule, count in source.coercions.items():
            by_rule.setdefault(rule, {})[source.name] = count
    return sorted(by_rule.items(), key=lambda item: (-sum(item[1].values()), item[0]))


def _failures(errors: Iterable[Failure]) -> Sequence[Failures]:
    """Group failed requests by their text; rejected records have a section of their own."""
    counts: Counter[str] = Counter()
    actions: dict[str, dict[str, None]] = {}
    pages: dict[str, dict[str, set[int]]] = {}
    for failure in errors:
        if failure.position is None:
            counts[failure.error] += 1
            actions.setdefault(failure.error, {})[failure.action] = None
            pages.setdefault(failure.error, {}).setdefault(failure.source, set()).add(failure.page)
    return [
        Failures(error, count, list(actions[error]), {name: sorted(found) for name, found in pages[error].items()})
        for error, count in counts.most_common()
    ]


def _last_errors(sources: Sequence[SourceReport], results: Sequence[FetchResult]) -> Mapping[str, str]:
    errors = {}
    for source, result in zip(sources, results, strict=True):
        reasons = {gap.reason for gap in source.gaps}
        attempts = [failure.error for failure in result.failures if failure.error not in reasons]
        if reasons and attempts:
            errors[source.name] = attempts[-1]
    return errors
