"""The configuration as YAML for the report: with references to secrets, but without the secrets."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import yaml

from pipeline.config.auth import Auth
from pipeline.config.endpoint import Endpoint
from pipeline.config.section import Section, keys_of
from pipeline.config.settings import Config
from pipeline.redaction import Secrets, shown_definition, shown_value

# Further endpoints are only counted.
MOST_ENDPOINTS = 25

_COMMON = ("http", "rate_limit", "retry", "breaker", "expect")
_SECRET_KEYS = frozenset(key.path for key in keys_of(Auth) if key.secret)


def shown_configuration(config: Config, secrets: Mapping[str, Secrets]) -> str:
    """Return the common settings with their defaults, and each endpoint's differences from them, as YAML.

    ``secrets`` are those of each endpoint, by its name. Values of secret keys are masked, and so are secrets in any
    other text.
    """
    every = Secrets.of_all(secrets.values())
    common = {key: value for key, value in msgspec.to_builtins(config).items() if key != "endpoints"}
    endpoints = [
        _redacted(_shown(endpoint, config), secrets[endpoint.name].redact)
        for endpoint in config.endpoints[:MOST_ENDPOINTS]
    ]
    if config.store is not None:
        common["store"] = shown_definition(config.store)
    if config.ping is not None:
        common["ping"] = shown_value("secret", config.ping)
    whole = {**_redacted(common, every.redact), "endpoints": endpoints}
    text = str(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100))
    left_out = len(config.endpoints) - len(endpoints)
    return f"{text}# and {left_out} more endpoints\n" if left_out else text


def _shown(endpoint: Endpoint, config: Config) -> dict[str, Any]:
    sections = {key: getattr(endpoint, key) for key in _COMMON if getattr(endpoint, key) != getattr(config, key)}
    shown = _own(msgspec.structs.replace(endpoint, **dict.fromkeys(_COMMON)))
    shown |= {key: msgspec.to_builtins(section) for key, section in sections.items() if section}
    shown["url"] = shown_definition(endpoint.url)
    if endpoint.headers:
        shown["headers"] = {name: shown_value(name, value) for name, value in endpoint.headers.items()}
    if "auth" in shown:
        shown["auth"] = {key: _shown_credentials(key, value) for key, value in shown["auth"].items()}
    return shown


def _shown_credentials(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _shown_credentials(f"{key}.{inner}", text) for inner, text in value.items()}
    if key == "oauth2.token_url":
        return shown_definition(value)
    return shown_value("secret", value) if key in _SECRET_KEYS else value


def _own(section: Section) -> dict[str, Any]:
    """Return the keys of a section that differ from the defaults, recursively."""
    own: dict[str, Any] = {}
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if value != default:
            own[field.name] = _own(value) if isinstance(value, Section) else msgspec.to_builtins(value)
    return own


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    match value:
        case dict():
            return {key: _redacted(inner, redact) for key, inner in value.items()}
        case list():
            return [_redacted(inner, redact) for inner in value]
        case str():
            return redact(value)
        case _:
            return value
