"""Count the products, duplicates and rejects of one source."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from pipeline.journal.entries import PageEntry
from pipeline.model.pages import MAX_LISTED_REJECTS, Product, Reject
from pipeline.model.summary import Conflict, Failure
from pipeline.model.tally import Tally

# Reads the lines of products that came together, for example those of a page.
ReadLines = Callable[[], bytes]

# The conflicting duplicates that are kept as examples.
MOST_CONFLICTS = 5

# The number of duplicates that wait until their prices are compared. It limits memory.
_MOST_PENDING = 100_000


class _Counted(msgspec.Struct, gc=False):
    """The parts of a product that are counted, and compared with those of its duplicates."""

    id: str
    price: Decimal | None
    currency: str | None
    category: str


_decode_counted = msgspec.json.Decoder(_Counted).decode_lines


class SourceAccount:
    """Running account of one source's records, to which pages are added in their order.

    ``failures`` are those of its requests, ``coercions`` those that are counted already. ``duplicates``, ``rejected``
    and ``dropped`` are counts; ``tally`` has the prices and categories of the products. ``fetched_at`` is the time of
    the last page.

    Memory holds the ids of the products, but not their prices. Lines are read again to compare the price of a product
    with those of its duplicates.
    """

    def __init__(
        self, source: str, failures: Iterable[Failure], coercions: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._source = source
        self.duplicates = 0
        self.rejected = 0
        self.dropped = 0
        self.tally = Tally()
        self._failures = list(failures)
        self._coercions = Counter(coercions)
        self.fetched_at: str | None = None
        # The products by id, each with the lines that contain it.
        self._known: dict[str, ReadLines] = {}
        self._conflicting = 0
        self._conflicts: list[Conflict] = []
        # Duplicates, by the lines that contain their products: lines are read once for many of them.
        self._pending: defaultdict[ReadLines, list[_Counted]] = defaultdict(list)
        self._pending_count = 0

    def add_page(self, entry: PageEntry, read_lines: ReadLines) -> Sequence[int]:
        """Count a page of the journal and return the indices of its duplicates.

        ``read_lines`` is called only if there are duplicates, on this page or on later ones: else the journal's own
        statistics are enough.
        """
        self.fetched_at = max(self.fetched_at or entry.at, entry.at)
        self.dropped += entry.dropped
        self.add_coercions(entry.coercions)
        self.add_rejects(entry.number, entry.at, entry.rejects, entry.rejected)
        if self._add_new_ids(entry.ids, read_lines):
            self.tally.merge(Tally.from_state(entry.tally))
            return ()
        new: dict[str, _Counted] = {}
        duplicates: list[int] = []
        known = self._known
        for index, product in enumerate(_decode_counted(read_lines())):
            if product.id in known:
                duplicates.append(index)
                self._compare_later(product)
            elif (first := new.setdefault(product.id, product)) is not product:
                duplicates.append(index)
                self._compare(first, product)
        known |= dict.fromkeys(new, read_lines)
        prices: defaultdict[str | None, list[Decimal]] = defaultdict(list)
        for product in new.values():
            if product.price is not None:
                prices[product.currency].append(product.price)
        self.tally.merge(Tally.of(prices, [product.category for product in new.values()]))
        self.duplicates += len(duplicates)
        return duplicates

    def add_product(self, product: Product, read_lines: ReadLines) -> bool:
        """Count a product and return True, or return False if its id is known already.

        ``read_lines`` reads the lines that contain the product, so that later duplicates can be compared with it.
        """
        if product.id in self._known:
            self._compare_later(_Counted(product.id, product.price, product.currency, product.category))
            return False
        self._known[product.id] = read_lines
        self.tally.add(product.price, product.currency, product.category)
        return True

    def _compare_later(self, offer: _Counted) -> None:
        """Note the offer of a product that is known from other lines, which are read once for many offers."""
        self._pending[self._known[offer.id]].append(offer)
        self._pending_count += 1
        if self._pending_count >= _MOST_PENDING:
            self._compare_prices()

    def add_coercions(self, coercions: Mapping[str, int]) -> None:
        """Count values that were read by a documented rule, by its name."""
        self._coercions.update(coercions)

    def add_rejects(self, page: int, at: str, rejects: Sequence[Reject], rejected: int) -> None:
        """Count the ``rejected`` records of a page, of which ``rejects`` are the first.

        Each of the first ``MAX_LISTED_REJECTS`` becomes a failure; one more failure counts all others.
        """
        self.rejected += rejected
        listed = rejects[:MAX_LISTED_REJECTS]
        for reject in listed:
            text = f"record {reject.position}: {reject.reason}"
            self._failures.append(Failure(self._source, page, None, text, at, "skip", reject.position))
        if unlisted := rejected - len(listed):
            text = f"{unlisted} more records of this page were rejected"
            self._failures.append(Failure(self._source, page, None, text, at, "skip", listed[-1].position + 1))

    def add_failure(self, failure: Failure) -> None:
        """Add a failure that is not one of its requests."""
        self._failures.append(failure)

    @property
    def products(self) -> int:
        """The number of products, which have distinct ids."""
        return len(self._known)

    @property
    def conflicting(self) -> int:
        """The number of duplicates whose price or currency is not that of the product."""
        self._compare_prices()
        return self._conflicting

    @property
    def conflicts(self) -> Sequence[Conflict]:
        """The first ``MOST_CONFLICTS`` of the duplicates that :attr:`conflicting` counts."""
        self._compare_prices()
        return self._conflicts

    @property
    def failures(self) -> Sequence[Failure]:
        """Failed requests and rejected records, in the order of page and position."""
        return sorted(self._failures, key=lambda failure: (failure.page, failure.position or 0))

    def report_fields(self) -> dict[str, Any]:
        """Return the fields of a SourceReport that depend on its records and failures."""
        prices = self.tally.prices()
        return {
            "items_fetched": self.products + self.duplicates + self.rejected,
            "products": self.products,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "dropped": self.dropped,
            "errors": sum(failure.action != "retry" for failure in self._failures),
            # An average over several currencies would mean nothing.
            "avg_price": next(iter(prices.values())).avg if len(prices) == 1 else None,
            "prices": prices,
            "coercions": dict(sorted(self._coercions.items())),
            "priced": self.tally.priced,
            "conflicting": self.conflicting,
        }

    def _add_new_ids(self, ids: Sequence[str], read_lines: ReadLines) -> bool:
        """Remember the ids and return True, unless one is known or repeated; then nothing changes."""
        new = dict.fromkeys(ids, read_lines)
        if len(new) < len(ids) or not self._known.keys().isdisjoint(new):
            return False
        self._known |= new
        return True

    def _compare_prices(self) -> None:
        """Count the pending duplicates that offer another price than their product."""
        for read_lines, offers in self._pending.items():
            wanted = {offer.id for offer in offers}
            products: dict[str, _Counted] = {}
            for offer in _decode_counted(read_lines()):
                if offer.id in wanted:
                    products.setdefault(offer.id, offer)  # of equal ids the first is the product
            for offer in offers:
                self._compare(products[offer.id], offer)
        self._pending.clear()
        self._pending_count = 0

    def _compare(self, product: _Counted, offer: _Counted) -> None:
        """Count a duplicate that offers another price than its product."""
        if (product.price, product.currency) != (offer.price, offer.currency):
            self._conflicting += 1
            if len(self._conflicts) < MOST_CONFLICTS:
                self._conflicts.append(Conflict(offer.id, product.price, product.currency, offer.price, offer.currency))
