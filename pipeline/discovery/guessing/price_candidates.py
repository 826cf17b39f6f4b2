"""Find the values in sample records that may be the price of a product, and choose among them."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pipeline.discovery.guessing.price_names import PriceKind, is_price_name, kind_of
from pipeline.discovery.guessing.price_units import DECIMALS, DIVISOR
from pipeline.discovery.samples import MIN_SHARE, SamplePath, Samples, first_of
from pipeline.normalize.money import Money, read_money


class Candidate(msgspec.Struct, frozen=True):
    """A path of prices: its values in the sample, and the same as money."""

    at: SamplePath
    values: Sequence[Any]
    prices: Sequence[Money]

    @property
    def path(self) -> str:
        """The path as the configuration has it."""
        return self.at.path

    @property
    def kind(self) -> PriceKind:
        """The kind of price that the path names."""
        return kind_of(self.at)

    @property
    def share(self) -> float:
        """The share of the records that have this price."""
        return sum(price.amount is not None for price in self.prices) / len(self.prices)


def candidates_in(samples: Samples) -> Iterator[Candidate]:
    """Yield the paths whose names and values both are those of prices."""
    for at in samples.paths:
        if not is_price_name(at):
            continue
        values = [None if value is False else value for value in samples.values(at.path)]  # no special price
        prices = [_read(value) for value in values]
        readable = sum(price.amount is not None for price in prices)
        given = sum(value is not None for value in values)
        if any(price.amount for price in prices) and readable >= MIN_SHARE * given:
            yield Candidate(at, values, prices)


def _read(value: Any) -> Money:
    """Read a price, or the lowest of a list, as a run would."""
    if isinstance(value, list):
        known = [price for price in map(_read, value) if price.amount is not None]
        return min(known, key=lambda price: price.amount or 0, default=Money())
    if isinstance(value, dict) and any(DECIMALS.search(key) or DIVISOR.search(key) for key in value):
        return Money(read_money(value).amount)  # in another unit
    return read_money(value)


def choose(candidates: Sequence[Candidate]) -> tuple[Candidate | None, Candidate | None, Sequence[str]]:
    """Return the likeliest price, another for records that lack it, and the zeros that mean that it is lacking.

    The candidates are sorted. A final price counts if it exceeds no other, or has none beside it.
    """
    usual = [each for each in candidates if each.share >= MIN_SHARE]
    for final in (each for each in candidates if each.kind is PriceKind.FINAL):
        beside = (each for each in usual if each.kind is not PriceKind.FINAL and leads_like(each, final))
        standard = next((each for each in beside if is_reduced(final, each)), None)
        if standard is None:
            if final.share >= MIN_SHARE:
                return final, None, ()
            continue
        if isinstance(first_of(next(filter(None, final.values))), dict) and _zeros(final, standard):
            continue  # the amount within it has the zero
        zeros = _zeros(final, standard)
        if final.share == 1 and not zeros:
            return final, None, ()
        if zeros and not final.at.is_single:
            return standard, None, ()  # the null values do not apply to the elements of lists
        return final, standard, zeros
    return (usual[0] if usual else None), None, ()


def leads_like(one: Candidate, other: Candidate) -> bool:
    """Return True if both paths lead through as many lists, so that one can replace the other."""
    return one.path.count("[]") == other.path.count("[]")


def is_reduced(final: Candidate, standard: Candidate) -> bool:
    """Return True if a price is rarely higher than the standard one."""
    pairs = [
        one.amount <= other.amount
        for one, other in zip(final.prices, standard.prices, strict=True)
        if one.amount is not None and other.amount is not None
    ]
    return bool(pairs) and sum(pairs) >= MIN_SHARE * len(pairs)


def _zeros(final: Candidate, standard: Candidate) -> Sequence[str]:
    """Return the texts of zeros at the final price, beside a price that is not zero."""
    found = zip(map(first_of, final.values), final.prices, standard.prices, strict=True)
    zeros = {str(value) for value, one, other in found if one.amount == 0 and other.amount}
    return sorted(zeros)


def never_higher(one: Candidate, other: Candidate) -> bool:
    """Return True if a price is not higher than the other one in any record."""
    pairs = zip(one.prices, other.prices, strict=True)
    return all(a.amount <= b.amount for a, b in pairs if a.amount is not None and b.amount is not None)
