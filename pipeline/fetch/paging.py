"""Page numbers: which page to ask for next, and when the walk is over."""

import enum
from collections.abc import Callable, Hashable, Sequence

import msgspec

# So many pages in a row given up, and the endpoint itself must be wrong: a bad URL, no access.
MAX_SKIPS_IN_A_ROW = 3


class Step(enum.Enum):
    """What a page means for the walk."""

    NEXT = "there may be another page"
    END = "the endpoint has no more pages"
    LOOP = "the page repeats the one before"
    LOST = "too many pages in a row were given up"


class PageNumbers:
    """Walks ``?page=1``, ``2``, ``3``, … until a page is empty, repeats the one before, or too many fail.

    ``identify`` gives a record's identity. Two pages are the same when they have the same records in the same order;
    since they nearly always differ in the first, that costs one record's look a page.
    """

    def __init__(self, identify: Callable[[msgspec.Raw], Hashable]) -> None:
        self._identify = identify
        self._previous: Sequence[msgspec.Raw] = ()
        self._skips_in_a_row = 0
        self.page = 1

    def parameters(self) -> dict[str, str]:
        """The query parameters that ask for the current page."""
        return {"page": str(self.page)}

    def arrived(self, records: Sequence[msgspec.Raw]) -> Step:
        """Take note of the current page's records, and move on where there is a next page."""
        self._skips_in_a_row = 0
        if not records:
            return Step.END
        if self._repeats(records):
            return Step.LOOP
        self._previous = records
        self.page += 1
        return Step.NEXT

    def skipped(self) -> Step:
        """The current page was given up; move on where that makes sense."""
        self._skips_in_a_row += 1
        if self._skips_in_a_row == MAX_SKIPS_IN_A_ROW:
            return Step.LOST
        self.page += 1
        return Step.NEXT

    def _repeats(self, records: Sequence[msgspec.Raw]) -> bool:
        return len(records) == len(self._previous) and all(
            self._identify(one) == self._identify(other) for one, other in zip(records, self._previous, strict=True)
        )
