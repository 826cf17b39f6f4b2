"""The sections of an endpoint that describe its requests, and the format of the responses."""

import codecs
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from msgspec import Meta

from pipeline.config.record_paths import Step, steps_of
from pipeline.config.section import SECRET, Section, Word
from pipeline.errors import ConfigError, Problem

_PLACE = re.compile(r"query\.(?P<query>.+)|json\.(?P<json>.+)|form\.(?P<form>.+)", re.DOTALL)


class Method(Word):
    """The HTTP methods by which products can be requested (RFC 9110, section 9.3)."""

    GET = "GET"
    POST = "POST"


class BodyFormat(Word):
    """The formats of a response body. All except JSON are feeds: one response, which is read as a stream."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"
    XML = "xml"


class Request(Section, frozen=True):
    """The method and the body of each request; see docs/REQUESTS.md.

    The method alone may be written as text: ``request: POST``.

    Raises:
        ConfigError: if there are two bodies, or a body with GET.
    """

    shorthand: ClassVar[str | None] = "method"

    method: Annotated[Method, Meta(description="`GET`, or `POST` for an API that takes its query in the body")] = (
        Method.GET
    )
    json: Annotated[
        Mapping[str, Any] | None,
        Meta(
            description="body as JSON, such as a GraphQL query with its variables",
            examples=[{"query": "shoes", "page": 1}],
            extra={SECRET: True},
        ),
    ] = None
    form: Annotated[
        Mapping[str, str | int] | None,
        Meta(
            description="body as a form (`application/x-www-form-urlencoded`)",
            examples=[{"page": "1"}],
            extra={SECRET: True},
        ),
    ] = None

    def __post_init__(self) -> None:
        problems = []
        if self.json is not None and self.form is not None:
            problems.append(Problem("form", "conflicts with `json`; a request has one body"))
        if self.method is Method.GET:
            problems += [
                Problem(key, "is a body, which a GET request does not have; add `method: POST`")
                for key in ("json", "form")
                if getattr(self, key) is not None
            ]
        if problems:
            raise ConfigError(problems)

    def with_keys(self, keys: Mapping[str, Any]) -> Self:
        """Return the request with a user's own keys; an object in the body gets the members of the user's."""
        if self.json is not None and isinstance(given := keys.get("json"), dict):
            keys = {**keys, "json": _merged(self.json, given)}
        return super().with_keys(keys)

    @property
    def is_graphql(self) -> bool:
        """True if the body is a GraphQL request."""
        query = (self.json or {}).get("query")
        return isinstance(query, str) and "{" in query

    def error_at(self, place: str) -> str | None:
        """Return why a value cannot be put into ``place``, None if it can."""
        found = _PLACE.fullmatch(place)
        if found is None:
            return f"{place!r} is not a place in a request; expected query.NAME, json.PATH or form.NAME"
        if found["form"] is not None:
            return None if self.form is not None else f"{place!r} needs a body in `request.form`"
        if found["json"] is None:
            return None
        if self.json is None:
            return f"{place!r} needs a body in `request.json`"
        try:
            with_value(self.json, steps_of(found["json"]), "1")
        except (KeyError, ValueError):
            return f"{place!r} does not fit `request.json`; expected a path such as json.variables.after"
        return None


NO_REQUEST = Request()


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = {name for name in base.keys() & own.keys() if isinstance(base[name], dict) and isinstance(own[name], dict)}
    return {**base, **own, **{name: _merged(base[name], own[name]) for name in inner}}


def with_value(body: Any, steps: tuple[Step, ...], value: str | int) -> Any:
    """Return a copy of a JSON body with ``value`` at a path; missing objects on the way are made.

    The value becomes a number or a text if there is one already, so that an API gets the type that it expects.

    Raises:
        KeyError: if the path does not fit the body.
    """
    if not steps:
        if isinstance(body, str):
            return str(value)
        is_number = isinstance(body, int) and not isinstance(body, bool)
        return int(value) if is_number and str(value).isdecimal() else value
    step, *rest = steps
    if isinstance(step, int):
        if not isinstance(body, list) or step >= len(body):
            raise KeyError(step)
        return [*body[:step], with_value(body[step], tuple(rest), value), *body[step + 1 :]]
    if not isinstance(body, dict | None):
        raise KeyError(step)
    members = body or {}
    return {**members, step: with_value(members.get(step), tuple(rest), value)}


def encoding_error(name: str) -> str | None:
    """Return why ``name`` is not a character encoding, None if it is one."""
    try:
        if codecs.lookup(name)._is_text_encoding:
            return None
    except LookupError:
        pass
    return f"{name!r} is not a known encoding; expected a name such as utf-8 or windows-1252"
