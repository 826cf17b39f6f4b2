"""Shell completion of keys, endpoints and presets. If the configuration is not valid, it offers less, silently."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from click import Context, Parameter
from click.shell_completion import CompletionItem

from pipeline.config.endpoint import Endpoint
from pipeline.config.load import DEFAULT_PATH
from pipeline.config.presets import preset_names
from pipeline.config.section import Key, keys_of
from pipeline.config.settings import Config
from pipeline.config.yaml import YamlFile
from pipeline.errors import ConfigError

_Items = list[CompletionItem[str]]


def complete_setting(ctx: Context, _parameter: Parameter, incomplete: str) -> _Items:
    """Return the keys that ``--set`` accepts, each with its meaning; after the ``=``, the words that a key allows."""
    keys = [key for key in _keys(ctx, incomplete) if key.takes_value]
    path, equals, _ = incomplete.partition("=")
    if not equals:
        return [CompletionItem(f"{key.path}=", help=key.meaning) for key in keys if key.path.startswith(path)]
    return _starting(incomplete, [f"{path}={word}" for key in keys if key.path == path for word in _words(key)])


def complete_endpoint(ctx: Context, _parameter: Parameter, incomplete: str) -> _Items:
    """Return the names of the endpoints in the configuration file."""
    return _starting(incomplete, _endpoint_names(ctx))


def complete_preset(_ctx: Context, _parameter: Parameter, incomplete: str) -> _Items:
    """Return the names of the presets."""
    return _starting(incomplete, preset_names())


def _keys(ctx: Context, incomplete: str) -> Iterator[Key]:
    yield from keys_of(Config)
    if incomplete.startswith("endpoints."):  # otherwise these would crowd out all other keys
        for name in _endpoint_names(ctx):
            yield from keys_of(Endpoint, f"endpoints.{name}.")


def _words(key: Key) -> Sequence[str]:
    return preset_names() if key.path.endswith(".preset") else key.choices


def _endpoint_names(ctx: Context) -> Sequence[str]:
    try:
        raw = YamlFile(Path(ctx.params.get("path") or DEFAULT_PATH), required=False).content
    except ConfigError:
        return ()
    entries = raw.get("endpoints")
    entries = entries if isinstance(entries, list) else ()
    return [str(entry["name"]) for entry in entries if isinstance(entry, dict) and "name" in entry]


def _starting(incomplete: str, words: Sequence[str]) -> _Items:
    return [CompletionItem(word) for word in words if word.casefold().startswith(incomplete.casefold())]
