"""Compare two catalogues: what was added, removed and changed, as far as it can be known.

A product is removed only if the new catalogue would have it otherwise: its source is complete, under the same
definition, and no record of it was rejected. A product is added only if the old source was complete. Prices of
different currencies are not compared.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from heapq import nlargest
from statistics import median
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any

import msgspec

from pipeline.errors import OutputError
from pipeline.model.changes import Change, Changes, Move, PriceMoves, SourceChanges
from pipeline.model.dead_letters import DeadLetter
from pipeline.model.pages import Product
from pipeline.output.rejected_ids import RejectedIds
from pipeline.output.snapshots import Snapshot, SnapshotSource, SummarySnapshot, by_source, id_of

_IN_MEMORY = 1 << 23
_MOST_MOVES = 5
_CENT = Decimal("0.01")

# The time of processing, which is not compared: it has 20 characters (RFC 3339, seconds, UTC).
_PROCESSED_AT = b',"processed_at":"'
_PROCESSED_AT_LENGTH = len(_PROCESSED_AT) + 20 + 1

_encode = msgspec.json.Encoder(decimal_format="number").encode


class _Product(Product, frozen=True):
    """A product with its further fields."""

    extra: Mapping[str, msgspec.Raw] = {}

    def facts(self) -> Mapping[str, Any]:
        return {"title": self.title, "price": self.price, "currency": self.currency, "category": self.category}


_decode = msgspec.json.Decoder(_Product).decode


class Comparison(AbstractContextManager["Comparison"]):
    """The comparison of two catalogues; the changes are kept in a temporary file, which is deleted at the end.

    Memory holds a few numbers for each product of the largest old source.

    Raises:
        OutputError: if a catalogue is damaged, or the changes cannot be kept.
    """

    def __init__(self, old: SummarySnapshot | None, new: Snapshot) -> None:
        self._spool = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed at the end of the comparison
        try:
            self.changes = self._compare(old, new)
        except (OSError, ValueError) as error:
            self._spool.close()
            raise OutputError(f"the catalogues cannot be compared: {error}") from error
        except BaseException:
            self._spool.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._spool.close()

    def lines(self) -> Iterator[bytes]:
        """Yield the sources, and then the changes, as JSON Lines, each with its line end."""
        yield from (_encode(source) + b"\n" for source in self.changes.sources)
        self._spool.seek(0)
        yield from self._spool

    def _compare(self, old: SummarySnapshot | None, new: Snapshot) -> Changes:
        before = {source.name: source for source in old.sources} if old else {}
        results: dict[str, tuple[SourceChanges, PriceMoves]] = {}
        now = {source.name: source for source in new.sources}

        def walk(source: SnapshotSource, lines: Iterable[bytes]) -> None:
            earlier = before.get(source.name)
            why = _incomparable(earlier, source)
            if why is None and old and earlier:
                comparer = _SourceComparer(old, earlier, source, rejects=new.rejects, write=self._spool.write)
                results[source.name] = comparer.run(lines), comparer.moves()
            else:
                deque(lines, maxlen=0)
                results[source.name] = SourceChanges(source.name, False, why, None, None, None), PriceMoves()

        for name, lines in by_source(new.lines()):
            if name not in now:
                raise ValueError(f"a product of {name}, which is not one of the sources")
            walk(now[name], lines)
        for source in new.sources:
            if source.name not in results:
                walk(source, ())
        for name in before.keys() - now.keys():
            why = "it is not in the new catalogue"
            results[name] = SourceChanges(name, False, why, None, None, None), PriceMoves()
        order = [*now, *(name for name in before if name not in now)]
        return Changes([results[name][0] for name in order], {name: results[name][1] for name in order})


def _incomparable(old: SnapshotSource | None, new: SnapshotSource) -> str | None:
    """Return the reason for which nothing of a source can be compared, None if something can."""
    if old is None:
        return "it is not in the old catalogue"
    if old.definition != new.definition:
        return "its definition has changed since"
    if "failed" in (old.status, new.status):
        return f"it failed in the {'old' if old.status == 'failed' else 'new'} run"
    return None


class _SourceComparer:
    """The comparison of one source."""

    def __init__(
        self,
        old: SummarySnapshot,
        before: SnapshotSource,
        now: SnapshotSource,
        *,
        rejects: Callable[[str], Iterator[DeadLetter]],
        write: Callable[[bytes], object],
    ) -> None:
        self._old = old
        self._before = before
        self._now = now
        self._rejects = rejects
        self._write = write
        self._added = self._changed = self._removed = 0
        self._percents = array("d")
        self._up = 0
        self._biggest: list[Move] = []
        # The old products by the hashes of their ids: their places, the hashes of their contents, and those seen.
        self._index: dict[int, int] = {}
        self._places = array("Q")
        self._contents = array("q")

    def run(self, lines: Iterable[bytes]) -> SourceChanges:
        """Compare the new products of the source, in their order, and then what is left of the old ones."""
        for place, line in self._old.places(self._now.name):
            self._index[hash(id_of(line))] = len(self._places)
            self._places.append(place)
            self._contents.append(hash(_content(line)))
        _check_number(self._before, len(self._places), "old")
        seen = bytearray(len(self._places))
        knows_added = self._before.status == "complete"
        count = 0
        for count, line in enumerate(lines, 1):  # noqa: B007 - the number is checked below
            found = self._index.get(hash(id_of(line)))
            if found is None:
                if knows_added:
                    self._add(line)
                continue
            seen[found] = True
            if self._contents[found] != hash(_content(line)):
                self._compare(_decode(self._old.line_at(self._places[found])), _decode(line))
        _check_number(self._now, count, "new")
        unknown = self._why_removed_is_unknown()
        if unknown is None:
            unknown = self._remove(found for found, was_seen in enumerate(seen) if not was_seen)
        reasons = [] if knows_added else ["the old source is partial, so what is added is unknown"]
        reasons += [unknown] if unknown else []
        return SourceChanges(
            self._now.name,
            comparable=True,
            why="; ".join(reasons) or None,
            added=self._added if knows_added else None,
            removed=None if unknown else self._removed,
            changed=self._changed,
        )

    def moves(self) -> PriceMoves:
        """Return the moves of the prices."""
        if not self._percents:
            return PriceMoves()
        middle = Decimal(median(self._percents)).quantize(_CENT)
        biggest = nlargest(_MOST_MOVES, self._biggest)
        return PriceMoves(self._up, len(self._percents) - self._up, middle, biggest)

    def _add(self, line: bytes) -> None:
        product = _decode(line)
        self._added += 1
        self._emit(Change(product.id, "added", None, product.facts()))

    def _compare(self, old: _Product, new: _Product) -> None:
        self._changed += 1
        if old.title != new.title:
            self._emit(Change(new.id, "title", old.title, new.title))
        if old.category != new.category:
            self._emit(Change(new.id, "category", old.category, new.category))
        if old.currency != new.currency:
            self._emit(Change(new.id, "currency", old.currency, new.currency))
        if old.price != new.price and (old.currency == new.currency or None in (old.price, new.price)):
            self._compare_prices(old, new)
        for name in {**old.extra, **new.extra}:
            one, other = (bytes(each.extra[name]) if name in each.extra else b"null" for each in (old, new))
            if one != other:
                self._emit(Change(new.id, name, msgspec.Raw(one), msgspec.Raw(other)))

    def _compare_prices(self, old: _Product, new: _Product) -> None:
        if old.price is None or new.price is None:
            self._emit(Change(new.id, "price", old.price, new.price, currency=new.currency or old.currency))
            return
        delta = new.price - old.price
        percent = (100 * delta / old.price).quantize(_CENT) if old.price else None
        self._emit(Change(new.id, "price", old.price, new.price, new.currency, delta, percent))
        if percent is not None:
            self._percents.append(float(percent))
            self._up += delta > 0
            self._biggest.append(Move(abs(percent), new.id, new.title, old.price, new.price, new.currency, percent))
            if len(self._biggest) > 100 * _MOST_MOVES:
                self._biggest = nlargest(_MOST_MOVES, self._biggest)

    def _why_removed_is_unknown(self) -> str | None:
        if self._now.status != "complete":
            return "the new source is partial, so what is removed is unknown"
        return None

    def _remove(self, missing: Iterable[int]) -> str | None:
        """Emit the products that are not in the new source; return the reason if a reject may be one of them."""
        rejected = RejectedIds(frozenset())
        if self._now.rejected:
            try:
                rejected = RejectedIds.of(self._rejects(self._now.name))
            except (OSError, ValueError) as error:
                return f"what is removed is unknown: the rejected records cannot be read ({error})"
        if rejected.unknown:
            return "what is removed is unknown: a rejected record has no id"
        for found in missing:
            product = _decode(self._old.line_at(self._places[found]))
            if rejected.may_have(product.id):
                continue
            self._removed += 1
            self._emit(Change(product.id, "removed", product.facts(), None))
        return None

    def _emit(self, change: Change) -> None:
        self._write(_encode(change) + b"\n")


def _check_number(source: SnapshotSource, found: int, which: str) -> None:
    if found != source.products:
        wrong = f"{source.name} should have {source.products:,} products in the {which} catalogue"
        raise ValueError(f"{wrong}, and has {found:,}; the file was changed or cut off")


def _content(line: bytes) -> bytes:
    """Return a product without the time of its processing."""
    start = line.index(_PROCESSED_AT)
    return line[:start] + line[start + _PROCESSED_AT_LENGTH :]
