"""Detect pages that repeat an earlier one."""

import enum
from collections.abc import Callable, Hashable, Mapping, Sequence
from hashlib import blake2b

import msgspec

Identify = Callable[[msgspec.Raw], Hashable]


class Repetition(enum.Enum):
    """The relation of a page to the pages before it."""

    NONE = "the page is new"
    PRECEDING = "the page has the records of the page before it"
    EARLIER = "the page has the records of another earlier page"


class LoopDetector:
    """A detector of repeated pages, which compares the identities of records that ``identify`` returns.

    A page is the preceding one if all records have the same identities in the same order. It is an earlier one if
    number, first and last of its records agree, so that only two records per page are inspected. ``known`` maps the
    pages of an earlier run to their fingerprints.
    """

    def __init__(self, identify: Identify, known: Mapping[int, int] | None = None) -> None:
        self._identify = identify
        # The number of the preceding page and its records, or what they were identified by.
        self._previous: tuple[int, Sequence[Hashable]] = (0, ())
        self._pages = {fingerprint: number for number, fingerprint in (known or {}).items()}
        self.fingerprint: int | None = None

    def __getstate__(self) -> dict[str, object]:
        number, records = self._previous
        return {**self.__dict__, "_previous": (number, [self._identity(record) for record in records])}

    def compare(self, number: int, records: Sequence[msgspec.Raw]) -> Repetition:
        """Compare a page that has records with those before it, and remember it with its fingerprint."""
        (preceding, before), self._previous = self._previous, (number, records)
        first = self._identify(records[0])
        # The identity of a record without an id is all its bytes, so a digest is kept. It has to be the same in a later
        # run, which Python's own hash is not.
        parts = repr((len(records), first, self._identify(records[-1])))
        fingerprint = int.from_bytes(blake2b(parts.encode(errors="surrogatepass"), digest_size=7).digest())
        self.fingerprint = fingerprint
        earlier = self._pages.get(fingerprint)
        if earlier is None or earlier == number:
            self._pages[fingerprint] = number
            return Repetition.NONE
        # A resumed run has no records of the pages of the earlier run.
        is_preceding = not any(preceding < page < number for page in self._pages.values())
        if is_preceding and len(records) == len(before) and self._identity(before[0]) == first:
            pairs = zip(records, before, strict=True)
            same = all(self._identify(one) == self._identity(other) for one, other in pairs)
            return Repetition.PRECEDING if same else Repetition.NONE
        return Repetition.PRECEDING if earlier == number - 1 else Repetition.EARLIER

    def _identity(self, record: Hashable) -> Hashable:
        return self._identify(record) if isinstance(record, msgspec.Raw) else record
