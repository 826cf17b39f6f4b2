"""Formats of error bodies: where real servers put the message that explains a refusal."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.responses import JSONResponse, PlainTextResponse, Response

ErrorFormat = Callable[[int, str], Response]


def _json(body: Callable[[int, str], object]) -> ErrorFormat:
    return lambda status, text: JSONResponse(body(status, text), status)


# The name is the path of the message.
ERRORS: Final[Mapping[str, ErrorFormat]] = MappingProxyType(
    {
        "text": lambda status, text: PlainTextResponse(text, status),
        "message": _json(lambda _, text: {"message": text}),
        "detail": _json(lambda _, text: {"detail": text}),
        "error": _json(lambda _, text: {"error": text}),
        "error.message": _json(lambda status, text: {"data": None, "error": {"status": status, "message": text}}),
        "errors[0].detail": _json(lambda status, text: {"errors": [{"status": str(status), "detail": text}]}),
        "errors[0].message": _json(lambda _, text: {"errors": [{"message": text}]}),
        "title": _json(lambda status, text: {"type": "about:blank", "status": status, "title": text}),
    }
)
