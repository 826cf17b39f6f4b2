"""Prove the paging of an API: request a second page, and see whether its records are new."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.source import Paging, PagingStyle
from pipeline.errors import EndpointLostError, FetchError
from pipeline.fetch.attempts import ResilientClient
from pipeline.fetch.content.response import FetchedPage
from pipeline.fetch.content.signs import Meaning, find_signs
from pipeline.fetch.paging.detection import FirstResponse, detect
from pipeline.fetch.paging.ends import REFUSALS
from pipeline.fetch.paging.paginator import Fate, PageRequest
from pipeline.fetch.paging.placement import placed
from pipeline.fetch.paging.select import make_paginator
from pipeline.formatting import counted
from pipeline.normalize.readers import RecordReader

# Further requests for one API: its second page, and others if a parameter has no effect.
_MOST_REQUESTS = 8

# Names that parameters have, apart from those of the values in the response.
_CURSORS = ("cursor", "after", "page_token", "pageToken", "starting_after")
_PAGES = ("page", "p", "pageNumber")
_MOST_MEMBERS = 2
_OFFSETS = ("start", "offset", "from", "skip")


class Proof(msgspec.Struct, frozen=True):
    """The outcome: the paging that a run should use, None if it remains unknown.

    ``mark`` is the evidence, and ``doubt`` what the user should check, None if nothing. ``second`` is the second page,
    None if there is none.
    """

    paging: Paging | None
    mark: str
    doubt: str | None = None
    second: FetchedPage | None = None


UNKNOWN = (
    "the response does not reveal its paging, and no second page was found; if this is the only page, "
    "set `paging: none`; if another parameter selects the page, describe it with `paging`"
)


async def prove_paging(
    endpoint: ResolvedEndpoint, client: ResilientClient, reader: RecordReader, first: FetchedPage
) -> Proof:
    """Walk from the first page to a second one, as a run would, with at most eight requests.

    ``first`` is the response to the URL as written. If cancelled, the connection is closed.
    """
    search = _Search(endpoint, client, reader, first)
    for paging in _alternatives(endpoint, first):
        if proof := await search.walk(paging):
            return proof
        if not search.budget:
            break
    if search.failure is not None and search.failure.code not in REFUSALS:
        return Proof(None, "guessed", f"`paging`: the second page could not be fetched: {search.failure.text}")
    return Proof(None, "guessed", UNKNOWN)


def _alternatives(endpoint: ResolvedEndpoint, first: FetchedPage) -> Iterator[Paging]:
    """Yield the style of the endpoint, then the style of the response with other names of its parameter."""
    yield endpoint.paging
    if endpoint.paging.style is not PagingStyle.AUTO:
        return
    detected = detect(first, endpoint.request)
    if detected is None:
        for name in _members_with_one(first)[:_MOST_MEMBERS]:
            yield placed(Paging(style=PagingStyle.PAGE, parameter=name), endpoint.request)
        detected = Paging(style=PagingStyle.OFFSET)
    for name in dict.fromkeys(_names(detected, first)):
        if name != detected.parameter:
            other = msgspec.structs.replace(detected, parameter=name, into=None)
            yield placed(other, endpoint.request)


def _members_with_one(first: FetchedPage) -> Sequence[str]:
    """Return the names of the members of the body that are 1, which may be the number of the page in any language."""
    try:
        members = msgspec.json.decode(first.response.body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return [name for name, value in members.items() if bytes(value) == b"1"]


def _names(paging: Paging, first: FetchedPage) -> Iterator[str]:
    """Yield names that the parameter of a style may have: those of the values in the response first."""
    meanings = {PagingStyle.PAGE: (Meaning.PAGE, _PAGES), PagingStyle.OFFSET: (Meaning.OFFSET, _OFFSETS)}
    if paging.style in meanings:
        meaning, usual = meanings[paging.style]
        signs = find_signs(meaning, first.response.envelope, first.records_path)
        yield from (sign.name for sign in signs if "." not in sign.name)
        yield from usual
    elif paging.style is PagingStyle.CURSOR and paging.parameter:
        yield (paging.path or "").rpartition(".")[2]
        yield from _CURSORS


class _Search:
    """The search for a second page; ``budget`` requests are left, and ``failure`` is the first that failed."""

    def __init__(
        self, endpoint: ResolvedEndpoint, client: ResilientClient, reader: RecordReader, first: FetchedPage
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._reader = reader
        self._first = first
        self.budget = _MOST_REQUESTS
        self.failure: FetchError | None = None

    async def walk(self, paging: Paging) -> Proof | None:
        """Walk to a second page; return None if there is none, or if it has the records of the first one.

        A style that the user or a preset describes may need its own first page. One that is detected during the walk
        may need several attempts.
        """
        paginator = make_paginator(paging, self._reader.identify, request=self._endpoint.request)
        is_auto = paging.style is PagingStyle.AUTO
        (request,), _ = paginator.next_requests(1)
        first: FetchedPage | None = self._first
        if paging is self._endpoint.paging and (request.parameters or request.body):
            first = await self._fetch(request)
        if first is None:
            return None
        paginator.page_arrived(first)
        while paginator.ending is None and self.budget:
            (request,), _ = paginator.next_requests(1)
            second = await self._fetch(request, on_error=paginator.page_failed)
            if second and paginator.page_arrived(second) is Fate.FETCHED and second.records:
                proved = paginator.profile.paging if paginator.profile else None
                return Proof(proved, "proved: the second page has other records", second=second)
            if not is_auto:
                break
        announced = FirstResponse(first, request=self._endpoint.request).walked
        if is_auto and paginator.ending is not None and announced.everything_came:
            mark = f"seen: all {counted(len(first.records), 'record')} that it announces are on this page"
            return Proof(Paging(style=PagingStyle.NONE), mark)
        return None

    async def _fetch(
        self, request: PageRequest, *, on_error: Callable[[FetchError], object] = lambda error: None
    ) -> FetchedPage | None:
        self.budget -= 1
        try:
            return await self._client.fetch(request)
        except FetchError as error:
            self.failure = self.failure or error
            if isinstance(error, EndpointLostError):
                self.budget = 0
            on_error(error)
            return None
