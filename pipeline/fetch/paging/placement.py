"""Find the places of paging in the body of a request, for a style that was detected from the response."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.config.request import Request
from pipeline.config.source import Paging, PagingStyle

# The depth to which the values of a body are searched, in objects.
_DEPTH = 4

# The values that GraphQL requests may change are all in this member.
_VARIABLES = "variables"


def values_in(request: Request) -> Mapping[str, Sequence[str]]:
    """Return the texts and numbers in the body of a request by their names, as ``parse_qs`` does for a query string."""
    return {name: [text] for name, (_, text) in _leaves(request).items()}


def placed(paging: Paging, request: Request) -> Paging:
    """Return the paging with its parameters placed in the body of the request, if it has one.

    A parameter that the body lacks is a new member of its outermost object, or of the variables of a GraphQL request.
    """
    if request.json is None and request.form is None:
        return paging
    if paging.style not in (PagingStyle.PAGE, PagingStyle.OFFSET, PagingStyle.CURSOR, PagingStyle.LAST_ID):
        return paging
    known = _leaves(request)
    above = "form" if request.json is None else f"json.{_VARIABLES}" if request.is_graphql else "json"
    name = paging.parameter or paging.style.value
    size_into = known[paging.size_parameter][0] if paging.size_parameter in known else None
    return msgspec.structs.replace(
        paging,
        parameter=None,
        into=known[name][0] if name in known else f"{above}.{name}",
        size_parameter=None,
        size_into=size_into,
        size=paging.size if size_into else None,
    )


def _leaves(request: Request) -> dict[str, tuple[str, str]]:
    """Return the place and the text of each value in the body, by its name; of several the outermost."""
    found: dict[str, tuple[str, str]] = {}
    for prefix, body in (("form", request.form), ("json", request.json)):
        leaves = sorted(_walk(body or {}, prefix, 0))
        for _, names, place, text in leaves:
            for name in names:
                found.setdefault(name, (place, text))
    return found


def _walk(body: Mapping[str, Any], above: str, depth: int) -> Iterator[tuple[int, tuple[str, ...], str, str]]:
    """Yield depth, names, place and text of each value; within an object it is also named as in ``page[number]``."""
    for name, value in body.items():
        place = f"{above}.{name}"
        if isinstance(value, dict) and depth + 1 < _DEPTH:
            yield from _walk(value, place, depth + 1)
        elif value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
            parent = above.rpartition(".")[2]
            names = (name, f"{parent}[{name}]") if depth else (name,)
            yield depth, names, place, "" if value is None else str(value)
