"""Build a Config from a raw configuration (dicts, lists, texts), and collect every problem on the way.

Each key is converted by itself, because msgspec's own conversion stops at the first error.
"""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from pipeline.config.duration import FORMS, seconds_in
from pipeline.config.endpoint import Endpoint
from pipeline.config.presets import Preset, load_preset, preset_error
from pipeline.config.section import DURATION, RULE, Section, bare, choices_in, extra_in, holds_secret, section_in
from pipeline.config.settings import Config
from pipeline.config.yaml import parse_text
from pipeline.errors import ConfigError, Problem

# The key for the text of a section that was written as text, if single keys of it were also set.
WHOLE = ""

# Keys of an endpoint whose values messages do not repeat.
_PRIVATE = {field.name for field in msgspec.structs.fields(Endpoint) if holds_secret(field.type)}

_S = TypeVar("_S", bound=Section)


class RawText(str):
    """A value from the environment or the command line, whose type depends on its key."""

    __slots__ = ()


class Builder:
    """A builder of structs from the raw configuration, which adds every problem to ``problems``.

    ``origins`` maps dotted keys to the layer that set them, for messages.
    """

    def __init__(self, origins: Mapping[str, str], problems: list[Problem]) -> None:
        self._origins = origins
        self._problems = problems

    def config(self, raw: dict[str, Any]) -> Config | None:
        """Build the configuration; return None if that is not possible, after adding at least one problem."""
        common = dict(raw)
        entries = common.pop("endpoints", None)
        values = self._values(Config, common, "", {})
        if entries is None:
            entries = []
        elif not isinstance(entries, list):
            self._add_problem(
                "endpoints", f"needs a list of endpoints, each with `name` and `url`, got {_type_name(entries)}"
            )
            entries = []
        inherited = Config(**values)
        limit = self._given(common.get("rate_limit"), inherited.rate_limit)
        endpoints = tuple(self._endpoint(entry, index, inherited, limit) for index, entry in enumerate(entries))
        return self._construct(lambda: Config(**values, endpoints=endpoints), "")

    def _given(self, raw: Any, section: Section) -> dict[str, Any]:
        """Return the keys of a section that have an explicit value."""
        raw = parse_text(raw) if isinstance(raw, RawText) else raw
        return {key: getattr(section, key) for key in section.__struct_fields__ if isinstance(raw, dict) and key in raw}

    def _endpoint(self, raw: Any, index: int, inherited: Config, common_limit: Mapping[str, Any]) -> Endpoint:
        """Return the endpoint; if its name or URL is invalid, a placeholder for the checks across endpoints.

        A preset's rate is lowered to ``common_limit``, the keys that are set for all endpoints.
        """
        path = f"endpoints.{index}."
        placeholder: dict[str, Any] = {"name": f"?{index}", "url": "http://invalid.invalid"}
        if not isinstance(raw, dict):
            self._add_problem(path[:-1], f"needs `name` and `url`, got {_type_name(raw)}")
            return Endpoint(**placeholder)
        if missing := [f"`{key}`" for key in placeholder if key not in raw]:
            self._add_problem(path[:-1], f"needs {' and '.join(missing)}")
        bases = msgspec.structs.asdict(inherited)
        known: dict[str, Any] = {}
        if (preset := _preset_of(raw)) is not None:
            known = self._values(Endpoint, preset.endpoint, path, bases)
            if "rate_limit" in known:
                known["rate_limit"] = known["rate_limit"].at_most(**common_limit)
            if isinstance(explode := raw.get("explode"), str) and "fields" in known:
                known["fields"] = known["fields"].for_variants(str(explode))
            bases |= {"auth": preset.auth, **known}
            if isinstance(url := raw.get("url"), str):
                raw = {**raw, "url": preset.url(url)}
        if _is_null(raw.get("auth")):  # the same as no key: the preset's authentication applies
            raw = {key: value for key, value in raw.items() if key != "auth"}
        values = {**placeholder, **known, **self._values(Endpoint, raw, path, bases)}
        endpoint = self._construct(lambda: Endpoint(**values), path)
        return endpoint or Endpoint(name=values["name"], url=placeholder["url"])

    def _values(
        self, section: type[Section], raw: Mapping[Any, Any], path: str, bases: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the valid values of a section; missing and invalid ones keep their defaults.

        ``bases`` contains the defaults of the sections within it.
        """
        fields = {field.name: field for field in msgspec.structs.fields(section)}
        values: dict[str, Any] = {}
        for key, value in raw.items():
            field = fields.get(key)
            if field is None:
                hint = did_you_mean(str(key), fields) or f"; there are: {', '.join(fields)}"
                self._add_problem(f"{path}{key}", f"is not a known key{hint}")
            elif nested := section_in(field.type):
                base = bases.get(key) or nested()
                if (inner := self._section(nested, value, f"{path}{key}.", base)) is not None:
                    values[key] = inner
            else:
                self._leaf(values, key, value, field.type, f"{path}{key}")
        return values

    def _section(self, section: type[Section], raw: Any, path: str, base: Section) -> Section | None:
        if isinstance(raw, RawText):
            raw = parse_text(raw)
        if raw is None:
            return base
        whole = raw.get(WHOLE) if isinstance(raw, dict) else raw
        if isinstance(whole, str) and section.shorthand:
            rest = raw if isinstance(raw, dict) else {}
            base, raw = section(), {section.shorthand: whole, **{key: rest[key] for key in rest if key != WHOLE}}
        if not isinstance(raw, dict) or WHOLE in raw:
            keys = ", ".join(section.__struct_fields__)
            self._add_problem(path[:-1], f"needs keys of its own ({keys}), got {_shown(whole, path)}")
            return None
        values = self._values(section, raw, path, msgspec.structs.asdict(base))
        return self._construct(lambda: base.with_keys(values), path)

    def _leaf(self, values: dict[str, Any], key: str, value: Any, wanted: Any, path: str) -> None:
        plain = bare(wanted)
        if get_origin(plain) is Mapping and isinstance(value, dict):
            for name, inner in value.items():
                if not isinstance(inner, str):
                    text = f"Expected `str`, got {_type_name(inner)}; put it in quotes"
                    self._add_problem(f"{path}.{name}", text)
                    return
            value = {name: str(inner) for name, inner in value.items()}
        if isinstance(value, RawText) and (get_origin(plain) in (tuple, Mapping) or _is_number_or_text(plain)):
            value = parse_text(value)
        is_duration = extra_in(wanted, DURATION) is not None
        if is_duration and isinstance(value, str) and (seconds := seconds_in(value)) is not None:
            value = seconds
        if isinstance(value, RawText) and value == "null" and _is_optional(wanted):
            value = None
        try:
            if isinstance(value, RawText):
                converted = msgspec.convert(str(value), wanted, strict=False)
            else:
                converted = msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            expected = str(error).split(", got")[0]
            if choices := choices_in(plain):
                expected = f"Expected one of {', '.join(choices)}"
            expected = extra_in(wanted, RULE) or expected
            if is_duration and isinstance(value, str):
                expected = f"Expected {FORMS}"
            self._add_problem(path, f"{expected}, got {_shown(value, path)}")
            return
        if isinstance(converted, float) and not math.isfinite(converted):
            self._add_problem(path, f"needs a finite number, got {value!r}")
            return
        values[key] = converted

    def _construct(self, build: Callable[[], _S], path: str) -> _S | None:
        try:
            return build()
        except ConfigError as error:
            for problem in error.problems:
                self._add_problem(f"{path}{problem.path}", problem.text)
            return None

    def _add_problem(self, path: str, text: str) -> None:
        below = (origin for key, origin in self._origins.items() if key.startswith(f"{path}."))
        origin = self._origins.get(path) or next(below, None)
        self._problems.append(Problem(path, f"({origin}) {text}" if origin else text))


def _is_null(value: Any) -> bool:
    return (parse_text(value) if isinstance(value, RawText) else value) is None


def _preset_of(raw: Mapping[Any, Any]) -> Preset | None:
    name = raw.get("preset")
    return load_preset(name) if isinstance(name, str) and preset_error(name) is None else None


def _is_number_or_text(wanted: Any) -> bool:
    """True if a number and a text are both allowed, so that the value itself decides."""
    choices = [getattr(choice, "__origin__", choice) for choice in get_args(wanted)]
    return int in choices and str in choices


def _is_optional(wanted: Any) -> bool:
    """True if the key may be null."""
    return type(None) in get_args(get_args(wanted)[0] if get_origin(wanted) is Annotated else wanted)


def _type_name(value: Any) -> str:
    return "a text" if isinstance(value, str) else type(value).__name__


def _shown(value: Any, path: str) -> str:
    return _type_name(value) if _PRIVATE & set(path.split(".")) else brief(value)


def brief(value: Any) -> str:
    """Return a value as messages show it, cut to 60 characters."""
    shown = "nothing" if value is None else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """Return a hint for a misspelt word, or an empty text; a common ``prefix`` does not count as similarity."""
    close = difflib.get_close_matches(word.removeprefix(prefix), [each.removeprefix(prefix) for each in known], n=1)
    return f"; did you mean `{prefix}{close[0]}`?" if close else ""
