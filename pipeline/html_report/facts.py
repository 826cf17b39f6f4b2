"""Histogram of prices, whose bins are known before the first price is counted.

What the report shows, gathered in memory that does not grow with the products.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Self

import msgspec

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.model.dead_letters import DeadLetter, decode_letter
from pipeline.model.metrics import Traffic
from pipeline.model.pages import Product
from pipeline.model.summary import Failure, FetchResult, SourceReport, Totals
from pipeline.model.tally import UNKNOWN_CURRENCY, PriceRange
from pipeline.output.aggregator import Aggregator, Catalogue

_MOST_BINS, _FEWEST_BINS = 24, 6

# From so many times the least price to the greatest, equal steps would put nearly all into the first bin.
_WIDE = 50


class Histogram:
    """Counts the prices of one source and currency, of which the range is known.

    The bins are equally wide, or equally many to each factor of ten (``is_log``) where the range is wide.
    """

    def __init__(self, source: str, currency: str, prices: PriceRange) -> None:
        self.source, self.currency, self.prices = source, currency, prices
        low, high = float(prices.min), float(prices.max)
        self.is_log = low > 0 and high >= low * _WIDE
        self.counts = [0] * max(_FEWEST_BINS, min(_MOST_BINS, math.isqrt(prices.count)))
        self._low = self._position(low)
        self._step = (self._position(high) - self._low) / len(self.counts)

    def add(self, price: float) -> None:
        """Count one price; rounding may have put it a little beside the range."""
        place = (self._position(price) - self._low) / self._step if self._step else 0
        self.counts[max(0, min(int(place), len(self.counts) - 1))] += 1

    @property
    def edges(self) -> Sequence[float]:
        """The prices at which bins begin, and where the last one ends."""
        positions = (self._low + number * self._step for number in range(len(self.counts) + 1))
        return [math.exp(position) if self.is_log else position for position in positions]

    def _position(self, price: float) -> float:
        return math.log(price) if self.is_log else price


# Of more there is only a count, so that a report of a thousand sources can still be read.
MOST_SOURCES = 10
MOST_PRICES = 12
MOST_CATEGORIES = 15
MOST_LISTED = 40
MOST_REJECTING = 20
EXAMPLES = 3
RECORD_LENGTH = 400


class _Priced(msgspec.Struct):
    """What of a product the histograms need."""

    source: str
    price: float | None
    currency: str | None


_decode_priced = msgspec.json.Decoder(_Priced).decode
_decode_product = msgspec.json.Decoder(Product).decode


class Source(msgspec.Struct, frozen=True):
    """One endpoint of which everything is drawn; ``rps`` is its rate limit in requests a second, 0 for none."""

    report: SourceReport
    traffic: Traffic
    rps: float

    @property
    def lasted(self) -> float:
        """How long its walk was under way, in seconds, the span of its last attempt included."""
        return max([self.report.time.wall, *(slot.at + self.traffic.span for slot in self.traffic.slots[-1:])])


class Example(msgspec.Struct, frozen=True):
    """A rejected record: where it stood, what was wrong with it, and how it begins."""

    page: int
    position: int
    reason: str
    record: str

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """The beginning of a dead letter."""
        record = bytes(letter.raw).decode(errors="replace")
        shown = record if len(record) <= RECORD_LENGTH else f"{record[:RECORD_LENGTH]}…"
        return cls(letter.page, letter.position, letter.reason, shown)


class Rejects(msgspec.Struct, frozen=True):
    """How many records of a source were rejected, and the first of them."""

    source: str
    count: int
    examples: Sequence[Example]


class Failures(msgspec.Struct, frozen=True):
    """Failures of a source that say the same and had the same consequence: how many, and on which pages."""

    source: str
    error: str
    action: str
    count: int
    pages: Sequence[int]


class Facts(msgspec.Struct, frozen=True):
    """All that a report shows.

    ``sources`` are all there are, ``drawn`` those that are shown in charts. Of whatever was cut, ``sources`` and
    ``totals`` have the whole. ``histograms`` and ``categories`` begin with the greatest; ``failures`` are all kinds
    there are. ``last_words`` is how the last attempt failed of each source of which something is missing.
    ``configuration`` is YAML without secrets.
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
    last_words: Mapping[str, str]
    configuration: str


def gather(
    totals: Totals,
    catalogue: Catalogue,
    walks: Sequence[FetchResult],
    aggregator: Aggregator,
    *,
    endpoints: Sequence[ResolvedEndpoint],
    configuration: str,
) -> Facts:
    """The facts of a run: one pass over its products, and one over its dead letters if there are any."""
    limits = {endpoint.name: endpoint.rate_limit for endpoint in endpoints}
    drawn = [
        Source(report, walk.traffic, limits[report.name].rps)
        for report, walk in _worth_drawing(list(zip(catalogue.sources, walks, strict=True)))
    ]
    histograms = _histograms(catalogue.sources)
    samples = _look_at(aggregator.products(catalogue), histograms, {source.report.name for source in drawn})
    return Facts(
        totals=totals,
        sources=catalogue.sources,
        drawn=drawn,
        samples=samples,
        histograms=list(histograms.values()),
        categories=sorted(catalogue.categories.items(), key=lambda item: (-item[1], item[0])),
        rejects=list(_rejects(catalogue.sources, aggregator.dead_letters(catalogue))),
        coercions=_coercions(catalogue.sources),
        failures=_failures(catalogue.errors),
        last_words=_last_words(catalogue.sources, walks),
        configuration=configuration,
    )


def _worth_drawing(sources: Sequence[tuple[SourceReport, FetchResult]]) -> Sequence[tuple[SourceReport, FetchResult]]:
    """All of them, or where they are many those that are not complete, and those that took longest."""
    if len(sources) <= MOST_SOURCES:
        return sources
    worst = sorted(sources, key=lambda pair: (pair[0].status == "complete", -pair[0].time.wall))
    return worst[:MOST_SOURCES]


def _histograms(sources: Iterable[SourceReport]) -> Mapping[tuple[str, str], Histogram]:
    """An empty histogram for each source and currency that is worth one, by both; those of most products first."""
    every = [(source.name, currency, prices) for source in sources for currency, prices in source.prices.items()]
    most = sorted(every, key=lambda item: -item[2].count)[:MOST_PRICES]
    return {(name, currency): Histogram(name, currency, prices) for name, currency, prices in most}


def _look_at(
    blocks: Iterable[bytes], histograms: Mapping[tuple[str, str], Histogram], sampled: Iterable[str]
) -> Sequence[Product]:
    """Count the prices of all products, and give back the first of each source that is ``sampled``."""
    samples: list[Product] = []
    wanted = dict.fromkeys(sampled, EXAMPLES)
    for block in blocks:
        for line in block.split(b"\n"):
            product = _decode_priced(line)
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
        found = examples.get(letters[0].source)  # a page is of one source
        if found is not None:
            found += map(Example.of, letters[: EXAMPLES - len(found)])
    for name, count in rejecting.items():
        yield Rejects(name, count, examples.get(name, ()))


def _coercions(sources: Iterable[SourceReport]) -> Sequence[tuple[str, Mapping[str, int]]]:
    """How often each rule was needed, by source; the most frequent first."""
    by_rule: dict[str, dict[str, int]] = {}
    for source in sources:
        for rule, count in source.coercions.items():
            by_rule.setdefault(rule, {})[source.name] = count
    return sorted(by_rule.items(), key=lambda item: (-sum(item[1].values()), item[0]))


def _failures(errors: Iterable[Failure]) -> Sequence[Failures]:
    """The failures of requests, by source, text and action; rejected records are told of elsewhere."""
    counts: Counter[tuple[str, str, str]] = Counter()
    pages: dict[tuple[str, str, str], set[int]] = {}
    for failure in errors:
        if failure.position is None:
            key = (failure.source, failure.error, failure.action)
            counts[key] += 1
            pages.setdefault(key, set()).add(failure.page)
    return [Failures(*key, count, sorted(pages[key])) for key, count in counts.items()]


def _last_words(sources: Sequence[SourceReport], walks: Sequence[FetchResult]) -> Mapping[str, str]:
    words = {}
    for source, walk in zip(sources, walks, strict=True):
        reasons = {gap.reason for gap in source.gaps}
        attempts = [failure.error for failure in walk.failures if failure.error not in reasons]
        if reasons and attempts:
            words[source.name] = attempts[-1]
    return words
