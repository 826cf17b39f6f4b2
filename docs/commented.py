"""The keys as YAML, each with its default and its meaning as a comment, for ``config/config.yaml``."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from docs.tables import shown_default, with_choices
from mockapi.personas import path, usual_port
from pipeline.config.endpoint import Endpoint
from pipeline.config.section import Key, keys_of
from pipeline.config.settings import Config
from pipeline.distribution import VERSION

_COLUMN = 28


def keys() -> str:
    """Return all keys except those of the endpoints, section by section."""
    return "\n".join(_lines(key for key in keys_of(Config) if key.path != "endpoints"))


def endpoint_keys() -> str:
    """Return an endpoint: the mock api1, with its optional keys as comments."""
    shared = Config.__struct_fields__
    own = {key.path: key for key in keys_of(Endpoint) if "." not in key.path and key.path not in shared}
    name, url, *optional = own.values()
    lines = [
        _line(f"  - {name.path}: api1", name.meaning),
        _line(f"    {url.path}: http://127.0.0.1:{usual_port('api1')}{path('api1')}", url.meaning),
        *(_line(f"    # {key.path}: {_example(key)}", with_choices(key)) for key in optional),
    ]
    sections = ", ".join(field for field in Endpoint.__struct_fields__ if field in shared)
    return "\n".join([*lines, f"    # {sections}: as above, for this endpoint alone; what is left out is inherited"])


def _lines(found: Iterable[Key]) -> Iterator[str]:
    for key in found:
        name = key.path.rpartition(".")[2]
        indent = "  " * key.path.count(".")
        if key.section:
            yield ""
            yield _line(f"{name}:", key.meaning)
        else:
            # A default with the current version in it would be out of date after the next release.
            comment = "# " if VERSION in shown_default(key) else ""
            yield _line(f"{indent}{comment}{name}: {shown_default(key)}", with_choices(key))


def _line(text: str, meaning: str) -> str:
    return f"{text:{_COLUMN - 2}}  # {meaning.replace('`', '')}"


def _example(key: Key) -> str:
    """Return the key's example, or else its default, as JSON, which is valid YAML."""
    if key.example is not None:
        text = msgspec.json.encode(key.example).decode()
        return text.strip('"') if re.fullmatch(r'"[\w./:$ -]+"', text) else text
    return "{}" if key.section and not key.section.shorthand else str(key.default)
