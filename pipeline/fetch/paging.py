"""Page numbers: which page to ask for next, and when the walk is over."""

import enum
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence

import msgspec

# So many pages in a row given up, and the endpoint itself must be wrong: a bad URL, no access.
MAX_SKIPS_IN_A_ROW = 3

# An announcement of more pages is not believed: each that is missing would be listed.
MOST_LISTED_PAGES = 100_000


class Step(enum.Enum):
    """What a page means for the walk."""

    NEXT = "there may be another page"
    END = "the endpoint has no more pages"
    LOOP = "the page repeats an earlier one"
    LOST = "too many pages in a row were given up"


class PageNumbers:
    """Walks ``?page=1``, ``2``, ``3``, … until a page is empty, repeats an earlier one, or too many fail.

    Pages that were given up are asked for once more at the end of the walk. ``have`` are pages that need not be asked
    for, ``end`` is the page known to be empty: both from an earlier run. ``first_step`` says whether there is anything
    to ask for at all.

    ``identify`` gives a record's identity. A page is the one before once more when it has the same records in the same
    order; it is taken for an earlier one when number, first and last of its records are the same. That costs a look at
    two records a page.
    """

    def __init__(
        self, identify: Callable[[msgspec.Raw], Hashable], *, have: Iterable[int] = (), end: int | None = None
    ) -> None:
        self._identify = identify
        self._have = frozenset(have)
        self._previous: Sequence[msgspec.Raw] = ()
        self._fingerprints: set[int] = set()
        self._skips_in_a_row = 0
        self._put_off: deque[int] = deque()
        self._announced: int | None = None
        self.end = end
        self.second_pass = False
        self.page = 0
        self.first_step = self._move_on()

    def parameters(self) -> dict[str, str]:
        """The query parameters that ask for the current page."""
        return {"page": str(self.page)}

    def arrived(self, records: Sequence[msgspec.Raw]) -> Step:
        """Take note of the current page's records, and move on where there is a next page."""
        self._skips_in_a_row = 0
        if not self.second_pass:
            if not records:
                self.end = self.page
            elif self._repeats(records):
                return Step.LOOP
            self._previous = records
        return self._move_on()

    def skipped(self) -> Step:
        """The current page was given up; move on where that makes sense."""
        if not self.second_pass:
            self._put_off.append(self.page)
            self._skips_in_a_row += 1
            if self._skips_in_a_row == MAX_SKIPS_IN_A_ROW:
                return Step.LOST
        return self._move_on()

    def announced(self, pages: int) -> None:
        """The API says how many pages it has. That tells what is missing; where the end is, only an empty page does."""
        self._announced = pages

    def wanted(self) -> list[int] | None:
        """The pages that are still to be had, the current one among them; None where the end is not known."""
        if self.second_pass:
            return [self.page, *self._put_off]
        end = self.end
        if end is None and self._announced is not None and self.page <= self._announced <= MOST_LISTED_PAGES:
            end = self._announced + 1
        if end is None:
            return None
        return [page for page in range(self.page, end) if page not in self._have]

    def _move_on(self) -> Step:
        if not self.second_pass:
            following = self.page + 1
            while following in self._have:
                following += 1
            if self.end is None or following < self.end:
                self.page = following
                return Step.NEXT
            self.second_pass = True
        if self._put_off:
            self.page = self._put_off.popleft()
            return Step.NEXT
        return Step.END

    def _repeats(self, records: Sequence[msgspec.Raw]) -> bool:
        """Whether this is the page before once more, or an earlier one: a cycle."""
        first = self._identify(records[0])
        # A record without an id is identified by all its bytes: the hash is kept, not those.
        fingerprint = hash((len(records), first, self._identify(records[-1])))
        if fingerprint not in self._fingerprints:
            self._fingerprints.add(fingerprint)
            return False
        before = self._previous
        if len(records) == len(before) and self._identify(before[0]) == first:
            pairs = zip(records, before, strict=True)
            return all(self._identify(one) == self._identify(other) for one, other in pairs)
        return True
