"""Which endpoints to look at, where there are too many for all."""

import heapq
from collections.abc import Sequence

from pipeline.ui.pace import Paced
from pipeline.ui.words import is_paused

# By how much another endpoint has to be worse than one that is looked at already, to take its place.
_CLEARLY = 1.5


def worst(endpoints: Sequence[Paced], most: int, shown: Sequence[int] = ()) -> list[int]:
    """The indices of so many endpoints that fare worst, in the order to show them in.

    Worse is whose circuit is open, then who is paused, then who is under way, then who ended with something missing;
    among these who was retried more often, then who has more pages to go. Those ``shown`` before give way only to what
    is clearly worse, and the others keep their places: what is looked at does not jump about.
    """
    before = set(shown)

    def badness(index: int) -> tuple[int, float, float, int]:
        endpoint = endpoints[index]
        weight = _CLEARLY if index in before else 1.0
        left = endpoint.pages_left or 0
        return _trouble(endpoint), weight * endpoint.status.retries, weight * left, -index

    chosen = heapq.nlargest(most, range(len(endpoints)), key=badness)
    places = shown[: len(chosen)]
    newcomers = iter([index for index in chosen if index not in places])
    return [*(index if index in chosen else next(newcomers) for index in places), *newcomers]


def _trouble(endpoint: Paced) -> int:
    status = endpoint.status
    if status.ended:
        return 0 if status.ended == "complete" else 1
    if status.circuit != "closed":
        return 4
    return 3 if is_paused(status) else 2
