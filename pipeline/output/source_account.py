"""Count the products, duplicates and rejects of one source."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from pipeline.model.pages import MAX_LISTED_REJECTS, Product, Reject
from pipeline.model.summary import Failure
from pipeline.model.tally import Tally
from pipeline.output.journal_entries import PageEntry

_decode_product = msgspec.json.Decoder(Product).decode


class SourceAccount:
    """Running account of one source's records, to which pages are added in their order.

    ``failures`` are those of its requests, ``coercions`` those that are counted already. ``duplicates`` and
    ``rejected`` are counts; ``tally`` has the prices and categories of the products.
    """

    def __init__(
        self, source: str, failures: Iterable[Failure], coercions: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._source = source
        self.duplicates = 0
        self.rejected = 0
        self.tally = Tally()
        self._failures = list(failures)
        self._coercions = Counter(coercions)
        self._ids: set[str] = set()

    def add_page(self, entry: PageEntry, read_lines: Callable[[], bytes]) -> Sequence[int]:
        """Count a page of the journal and return the indices of its duplicates.

        ``read_lines`` is called only if there are duplicates: else the journal's own statistics are enough.
        """
        self.add_coercions(entry.coercions)
        self.add_rejects(entry.number, entry.at, entry.rejects, entry.rejected)
        if self._add_new_ids(entry.ids):
            self.tally.merge(Tally.from_state(entry.tally))
            return ()
        duplicates = []
        for index, (identity, line) in enumerate(zip(entry.ids, read_lines().split(b"\n"), strict=True)):
            if identity in self._ids:
                duplicates.append(index)
            else:
                self.add_product(_decode_product(line))
        self.duplicates += len(duplicates)
        return duplicates

    def add_product(self, product: Product) -> bool:
        """Count a product and return True, or return False if its id is known already."""
        if product.id in self._ids:
            return False
        self._ids.add(product.id)
        self.tally.add(product.price, product.currency, product.category)
        return True

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

    @property
    def products(self) -> int:
        """The number of products, which have distinct ids."""
        return len(self._ids)

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
            "errors": sum(failure.action != "retry" for failure in self._failures),
            # An average over several currencies would mean nothing.
            "avg_price": next(iter(prices.values())).avg if len(prices) == 1 else None,
            "prices": prices,
            "coercions": dict(sorted(self._coercions.items())),
        }

    def _add_new_ids(self, ids: Sequence[str]) -> bool:
        """Remember the ids and return True, unless one is known or repeated; then nothing changes."""
        before = len(self._ids)
        if not self._ids.isdisjoint(ids):
            return False
        self._ids.update(ids)
        if len(self._ids) == before + len(ids):
            return True
        self._ids.difference_update(ids)
        return False
