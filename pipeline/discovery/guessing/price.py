"""Guess the price of a product: its path, its unit, its currency, and the price before a discount."""

from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.discovery.guessing.price_candidates import (
    Candidate,
    candidates_in,
    choose,
    is_reduced,
    leads_like,
    never_higher,
)
from pipeline.discovery.guessing.price_names import PriceKind, names_currency, preference
from pipeline.discovery.guessing.price_units import (
    is_currency,
    is_minor_name,
    may_be_minor,
    twin_with_currency,
    unit_beside,
    unit_by_twin,
    whole_amounts,
)
from pipeline.discovery.samples import MIN_SHARE, SamplePath, Samples, first_of
from pipeline.normalize.fields import CURRENCY_KEYS, PRICE_KEYS
from pipeline.normalize.money import AMOUNT_KEYS

NO_PRICE_FOUND = "no price was found; if there is one, set its path in `fields`"
NO_CURRENCY_FOUND = "no currency was found; if it is always the same, set `currency: {const: EUR}`"


class PriceGuess(msgspec.Struct):
    """The guessed values of the keys `price`, `currency` and `null_values`, None or empty if they are not needed.

    ``list_price`` is the path of the price before a discount. ``marks`` has by key the evidence for a line of the
    draft, and ``doubts`` lists what the user should check.
    """

    price: Any = None
    currency: Any = None
    null_values: Sequence[str] = ()
    list_price: str | None = None
    marks: dict[str, str] = {}
    doubts: list[str] = []


def guess_price(
    samples: Samples, currencies_around: Sequence[str] = (), *, stem: frozenset[str] = frozenset()
) -> PriceGuess:
    """Guess the description of prices; ``currencies_around`` are paths of currencies in the body.

    ``stem`` are the words in the name of the id besides "id": with trackId, trackPrice precedes collectionPrice.
    """
    guess = PriceGuess()
    candidates = sorted(
        candidates_in(samples), key=lambda each: (not stem.issubset(each.at.last_words), preference(each.at))
    )
    chosen, fallback, guess.null_values = choose(candidates)
    if chosen is None:
        guess.doubts.append(NO_PRICE_FOUND)
        return guess
    others = [each for each in candidates if each not in (chosen, fallback) and each.at.above != f"{chosen.path}."]
    _describe(samples, chosen, fallback, others, guess)
    _warn_of_lower(chosen, fallback, others, guess)
    _find_currency(samples, chosen, guess, currencies_around)
    _find_unit(samples, chosen, guess)
    return guess


def has_price(samples: Samples) -> bool:
    """Return True if the records have a price."""
    return next(candidates_in(samples), None) is not None


def _describe(
    samples: Samples,
    chosen: Candidate,
    fallback: Candidate | None,
    others: Sequence[Candidate],
    guess: PriceGuess,
) -> None:
    """Draft the path, and name the price before a discount."""
    path = _with_fallback(chosen, fallback, guess) if fallback else chosen.path
    before = [each for each in (*([fallback] if fallback else []), *others) if each.kind is PriceKind.LIST]
    reduced = (each for each in before if is_reduced(chosen, each) and not is_reduced(each, chosen))
    listed = next((each for each in reduced if not each.at.through_list), None)
    guess.list_price = listed.path if listed else None
    is_default = chosen.path == _default_name(samples) and not isinstance(first_of(chosen.values), list)
    if fallback is None and listed is None and is_default:
        return
    names = " or ".join(f"`{each.path}`" for each in others[:2])
    hint = f"; it could also be {names}" if names else ""
    if "[]" in path or any(isinstance(value, list) for value in chosen.values):
        guess.price = {"path": path, "pick": "min"}
        guess.doubts.append(f"`price` is the lowest of `{path}`; for one product per variant, set `explode`")
    else:
        guess.price = path
        guess.doubts.append(f"`price` is read from `{path}`{hint}")
    guess.marks["price"] = f"guessed{hint}"
    if guess.null_values:
        guess.marks["null_values"] = f"seen: {chosen.path} is 0 without a discount"


def _warn_of_lower(
    chosen: Candidate, fallback: Candidate | None, others: Sequence[Candidate], guess: PriceGuess
) -> None:
    """Name a price that is never higher than the chosen one, and is lower in some records: it may be what is paid."""
    if fallback is not None or chosen.kind is PriceKind.FINAL:
        return
    for other in others:
        is_candidate = other.kind in (PriceKind.FINAL, PriceKind.PLAIN) and leads_like(other, chosen)
        if is_candidate and never_higher(other, chosen) and not never_higher(chosen, other):
            guess.doubts.append(
                f"`price`: `{other.path}` is lower in some records; if that is paid, set it in `fields`"
            )
            return


def _with_fallback(chosen: Candidate, fallback: Candidate, guess: PriceGuess) -> str:
    """Return the path of the price, or of another in its absence: in the same element, if both are in a list."""
    if guess.null_values or not chosen.at.through_list:
        return f"{chosen.at.first} || {fallback.at.first}"
    shared = chosen.path.rpartition("[].")[0]
    if not fallback.path.startswith(f"{shared}[]."):
        return f"{chosen.at.first} || {fallback.at.first}"
    inner = [each.path.removeprefix(f"{shared}[].") for each in (chosen, fallback)]
    return f"{shared}[].[{' || '.join(inner)}][]"


def _default_name(samples: Samples) -> str | None:
    """Return the default name under which a run finds the price of most records."""
    return next((key for key in PRICE_KEYS if samples.present(key)), None)


def _find_currency(samples: Samples, chosen: Candidate, guess: PriceGuess, around: Sequence[str]) -> None:
    """Find the currency of the chosen price: in it, beside it, elsewhere in the record, or around the records."""
    if code := names_currency(chosen.at):
        guess.currency, guess.marks["currency"] = {"const": code}, "seen in the name of the price"
        return
    known = [price for price in chosen.prices if price.amount is not None]
    named = [price.currency for price in known if price.currency is not None]
    if len(named) >= MIN_SHARE * len(known) and not any("shared_currency_sign" in price.notes for price in known):
        return
    found = [at for at in samples.paths if is_currency(samples, at)]
    places = (chosen.at.above, f"{chosen.path}.")
    beside = [at for at in samples.paths if at.above in places and is_currency(samples, at, beside_price=True)]
    above = [at for at in found if at.above and chosen.path.startswith(at.above)]
    default = next((key for key in CURRENCY_KEYS if samples.present(key)), None)
    if default and any(at.path == default for at in found) and not any(at.above for at in (*beside, *above)):
        return
    if best := next(iter((*beside, *above, *found)), None):
        path = _one_value(best)
        guess.currency, guess.marks["currency"] = path, "seen beside the price" if best in beside else "guessed"
        guess.doubts.append(f"`currency` is read from `{path}`")
    elif around:
        guess.currency, guess.marks["currency"] = around[0], "seen beside the records"
        guess.doubts.append(f"`currency` is read from `{around[0]}`")
    elif guess.price in (None, chosen.path) and (twin := twin_with_currency(samples, chosen.at)):
        guess.price, guess.marks["price"] = twin.path, f"proved: the same as {chosen.path}, with its currency"
        guess.doubts[:] = [f"`price` is read from `{twin.path}`"]
    elif named:
        guess.doubts.append(f"`currency`: the sign of the prices is that of several; it is read as {named[0]}")
    else:
        guess.doubts.append(NO_CURRENCY_FOUND)


def _find_unit(samples: Samples, chosen: Candidate, guess: PriceGuess) -> None:
    """Decide whether the price is in minor units: by what is beside it, by a twin in the record, or by its name."""
    keys = guess.price if isinstance(guess.price, dict) else {"path": guess.price or chosen.path}
    if beside := unit_beside(samples, chosen.at):
        amount, unit = beside
        guess.price = {**keys, "path": amount.path, **unit}
        guess.marks["price"] = "seen: its unit is beside it"
        _find_currency_of(samples, amount, guess)
        return
    amount = _amount_in(samples, chosen)
    amounts = whole_amounts(samples.values(amount.path))
    if not amounts:
        return
    proved = unit_by_twin(samples, amount, amounts)
    if proved == "minor" or (proved is None and is_minor_name(amount.path)):
        guess.price = {**keys, "path": keys["path"] if amount is chosen.at else amount.path, "kind": "minor"}
        guess.marks["price"] = "proved: the record has it with decimals too" if proved else "seen: its name"
        _find_currency_of(samples, amount, guess)
        guess.doubts.append(f"`{amount.path}` appears to be in minor units (1099 for 10.99) and is read as such")
        if NO_CURRENCY_FOUND in guess.doubts:
            guess.price["exponent"] = 2
            guess.doubts.append("without a currency the number of decimals is unknown; two are assumed")
    elif proved is None and may_be_minor(samples, amount, amounts):
        guess.doubts.append(_doubt_about_unit(amount))


def unit_doubt(samples: Samples, path: str | None) -> str | None:
    """Return what is uncertain about the unit of prices at ``path``, or under a default name; None if nothing is."""
    path = path or _default_name(samples)
    at = next((each for each in samples.paths if each.path == path), None)
    if at is None:
        return None
    amount = _amount_in(samples, Candidate(at, samples.values(at.path), ()))
    amounts = whole_amounts(samples.values(amount.path))
    return _doubt_about_unit(amount) if amounts and may_be_minor(samples, amount, amounts) else None


def _doubt_about_unit(amount: SamplePath) -> str:
    return (
        f"`price`: the whole numbers at `{amount.path}` may be minor units; if 1099 is 10.99, "
        f"set `price: {{path: {amount.path}, kind: minor}}`"
    )


def _amount_in(samples: Samples, chosen: Candidate) -> SamplePath:
    """Return the path of the number, which is within the price if that is an object."""
    if not any(isinstance(first_of(value), dict) for value in chosen.values):
        return chosen.at
    inner = {at.keys[-1]: at for at in samples.paths if at.above in (f"{chosen.path}.", f"{chosen.path}[].")}
    return next((inner[key] for key in AMOUNT_KEYS if key in inner), chosen.at)


def _find_currency_of(samples: Samples, amount: SamplePath, guess: PriceGuess) -> None:
    """Describe the currency in the object of an amount, unless it is described or has a default name."""
    beside = (at for at in samples.paths if at.above == amount.above and is_currency(samples, at, beside_price=True))
    found = next(beside, None)
    if found and guess.currency is None and found.path not in CURRENCY_KEYS:
        guess.currency, guess.marks["currency"] = _one_value(found), "seen beside the price"


def _one_value(at: SamplePath) -> str:
    """Return a path to the first of several values."""
    return f"{at.path} | [0]" if at.through_list else at.path
