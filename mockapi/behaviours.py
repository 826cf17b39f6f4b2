"""Behaviours of real servers at the end of a catalogue, and for parameters and media types that they do not support.

A persona has one behaviour of each table; the settings may choose another one for it.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from mockapi.api import Api, Window

Behaviour = Callable[[Api, Request, Window], Response]

_REFUSED = re.compile(r";\s*q=0(\.0*)?\s*(;|$)")


def respond(api: Api, request: Request, window: Window) -> Response:
    """Answer a request for a window with the behaviours of the persona."""
    if not accepts(request.headers.get("Accept"), api.media_type):
        return api.error(406, f"This resource is available as {api.media_type} only.")
    behaviour = UNKNOWN_PARAMETERS[api.unknown_parameters] if api.unknown(request) else _page
    response = behaviour(api, request, window)
    if api.media_type and response.media_type == "application/json":
        response.headers["Content-Type"] = api.media_type
    return response


def accepts(header: str | None, media_type: str) -> bool:
    """True if an ``Accept`` header (RFC 9110, section 12.5.1) admits a media type; an empty one is always admitted."""
    ranges = {
        part.partition(";")[0].strip().lower() for part in (header or "*/*").split(",") if not _REFUSED.search(part)
    }
    return not media_type or not ranges.isdisjoint({media_type, f"{media_type.partition('/')[0]}/*", "*/*"})


def _page(api: Api, request: Request, window: Window) -> Response:
    is_past_end = window.start > 0 and window.start >= api.total
    return PAST_END[api.past_end if is_past_end else "own"](api, request, window)


def _own(api: Api, request: Request, window: Window) -> Response:
    return api.answer(request, window)


def _last_page(api: Api, request: Request, window: Window) -> Response:
    return api.answer(request, Window(max(0, api.total - 1) // window.size * window.size, window.size))


def _refusal(status: int, text: str) -> Behaviour:
    return lambda api, _request, _window: api.error(status, text)


def _no_match(api: Api, request: Request, window: Window) -> Response:
    return api.without_records().answer(request, Window(0, window.size))


def _unknown(api: Api, request: Request, _: Window) -> Response:
    return api.error(400, f"Unrecognized parameters: {', '.join(api.unknown(request))}")


# Answers to a page after the last one. The first page of an empty catalogue is not such a page.
PAST_END: Final[Mapping[str, Behaviour]] = MappingProxyType(
    {
        "own": _own,
        "last": _last_page,
        "400": _refusal(400, "The page number requested is larger than the number of pages available."),
        "404": _refusal(404, "Invalid page."),
        "410": _refusal(410, "There are no more pages."),
        "416": _refusal(416, "The requested range is beyond the last record."),
        "422": _refusal(422, "The page must not be greater than the last page."),
    }
)

# Answers to a request with query parameters that the API does not know. As a filter, they match no record.
UNKNOWN_PARAMETERS: Final[Mapping[str, Behaviour]] = MappingProxyType(
    {"ignore": _page, "filter": _no_match, "refuse": _unknown}
)
