"""Load a Config from four layers: flags override the environment, which overrides the YAML file, then the defaults.

Every key is available in all of them: ``rate_limit.rps`` is ``PIPELINE_RATE_LIMIT_RPS`` in the environment and
``--set rate_limit.rps=10`` on the command line. An endpoint is addressed by its index or its name:
``endpoints.0.url``, ``endpoints.api1.url``. All problems are collected and raised as one ConfigError.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from pipeline.config.endpoint import Endpoint
from pipeline.config.ping import Monitor, resolve_ping
from pipeline.config.resolve import ResolvedEndpoint, resolve
from pipeline.config.section import keys_of
from pipeline.config.settings import NO_ENDPOINTS, Config
from pipeline.config.store import StorePlace, resolve_store
from pipeline.config.validate import WHOLE, Builder, RawText, did_you_mean
from pipeline.config.yaml import YamlFile, parse_text
from pipeline.errors import ConfigError, Problem
from pipeline.redaction import Secrets

# Returns the place of a dotted path in the file, None if it is not there.
Place = Callable[[str], str | None]

PathOrMapping = str | os.PathLike[str] | Mapping[str, Any]

DEFAULT_PATH = Path("config/config.yaml")
_NO_FILE = (
    "does not exist, and no endpoint is set elsewhere; draft a file with `pipeline init -c shops.yaml URL`, "
    "then run `pipeline -c shops.yaml`"
)
ENV_PREFIX = "PIPELINE_"
# Azure Pipelines sets PIPELINE_WORKSPACE in each job. Kubernetes sets PIPELINE_PORT, PIPELINE_PORT_80_TCP,
# PIPELINE_SERVICE_HOST and the like if a service is named `pipeline`. All others with the prefix are this program's.
_FOREIGN_VARIABLE = re.compile(r"PIPELINE_(?:WORKSPACE|PORT.*|SERVICE_.*)", re.DOTALL)


class Loaded(msgspec.Struct, frozen=True):
    """A configuration, and its endpoints, store and monitor with their credentials, if these were wanted."""

    config: Config
    endpoints: tuple[ResolvedEndpoint, ...] = ()
    store: StorePlace | None = None
    monitor: Monitor | None = None

    @property
    def secrets(self) -> Secrets:
        """The secrets of all endpoints, of the store and of the monitor."""
        return Secrets.of_all([each.secrets for each in (*self.endpoints, self.store, self.monitor) if each])


def load_config(
    path: PathOrMapping | None = None,
    *,
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    credentials: bool = True,
) -> Config:
    """Read a configuration and apply the environment and the flags to it.

    ``path`` is that of a YAML file. It may also be the configuration itself, as the mapping that YAML would give::

        load_config({"endpoints": [{"name": "shop", "url": "https://shop.example/products.json"}]})

    None means ``config/config.yaml`` in the working directory. That file need not exist if the environment or the
    flags name the endpoints. ``flags`` maps dotted keys to texts. ``environ`` defaults to the process's environment.
    With ``credentials=False`` the environment variables that the endpoints refer to need not be set.

    Raises:
        ConfigError: with every unknown key, bad value, contradiction and missing variable.
    """
    return load(path, flags=flags, environ=environ, credentials=credentials).config


def load(
    path: PathOrMapping | None = None,
    *,
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    credentials: bool = True,
) -> Loaded:
    """Load a configuration as :func:`load_config` does, and return it together with its resolved endpoints.

    With ``credentials=False`` there are neither resolved endpoints nor a store or a monitor.

    Raises:
        ConfigError: with every problem, as in :func:`load_config`.
    """
    problems: list[Problem] = []
    raw, missing, place = _read(path)
    flags = dict(flags or {})
    environ = dict(os.environ if environ is None else environ)
    layers = _Layers(raw, problems)
    # The whole list first: the other settings may change parts of it.
    layers.replace_endpoints(environ.pop(f"{ENV_PREFIX}ENDPOINTS", None), f"{ENV_PREFIX}ENDPOINTS")
    layers.replace_endpoints(flags.pop("endpoints", None), "command line")
    layers.apply(_from_environment(environ, layers.endpoints(), problems))
    layers.apply((key, text, "command line") for key, text in flags.items())
    config = Builder(layers.origins, problems).config(raw)
    if config is not None and not isinstance(path, Mapping):
        config = _with_transforms_in(config, (DEFAULT_PATH if path is None else Path(path)).parent)
    endpoints: tuple[ResolvedEndpoint, ...] = ()
    store: StorePlace | None = None
    monitor: Monitor | None = None
    if config is not None and config.endpoints and credentials:
        try:
            endpoints = resolve(config, environ)
        except ConfigError as error:
            problems += error.problems
        try:
            store = resolve_store(config.store, environ)
        except ConfigError as error:
            problems += error.problems
        try:
            monitor = resolve_ping(config.ping, environ)
        except ConfigError as error:
            problems += error.problems
    if not raw.get("endpoints"):
        problems.append(missing or NO_ENDPOINTS)
    if config is None or problems:
        raise ConfigError([each if layers.changes(each.path) else _placed(each, place) for each in problems])
    return Loaded(config, endpoints, store, monitor)


def _with_transforms_in(config: Config, folder: Path) -> Config:
    """Return the configuration with the files of its transforms relative to the folder of its own file."""
    endpoints = tuple(
        msgspec.structs.replace(endpoint, transform=str(folder / endpoint.transform))
        if endpoint.transform
        else endpoint
        for endpoint in config.endpoints
    )
    return msgspec.structs.replace(config, endpoints=endpoints)


def _read(path: PathOrMapping | None) -> tuple[dict[str, Any], Problem | None, Place]:
    """Return the raw configuration, which may be changed, the problem of a missing file, and the places of its keys."""
    if isinstance(path, Mapping):
        return {key: _copy(value) for key, value in path.items()}, None, lambda _: None
    name = DEFAULT_PATH if path is None else Path(path)
    file = YamlFile(name, required=path is not None)
    missing = None if name.exists() else Problem(str(name), _NO_FILE)
    return file.content, missing, file.place


def _placed(problem: Problem, place: Place) -> Problem:
    return msgspec.structs.replace(problem, place=problem.place or place(problem.path))


def _copy(value: Any) -> Any:
    """Copy mappings and sequences, since the layers change them; a tuple becomes the list that YAML would give."""
    if isinstance(value, Mapping):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list | tuple) else value


def config_of_text(text: str) -> Config:
    """Return the configuration of a YAML text alone, without environment and flags.

    Raises:
        ConfigError: with every problem in it.
    """
    return config_of(parse_text(text))


def config_of(raw: Mapping[str, Any]) -> Config:
    """Return the configuration of a mapping alone, without environment and flags; presets are applied.

    Raises:
        ConfigError: with every problem in it.
    """
    problems: list[Problem] = []
    config = Builder({}, problems).config(_copy(raw))
    if config is None or problems:
        raise ConfigError(problems)
    return config


class _Layers:
    """The raw configuration with further layers applied; ``origins`` maps each changed key to its layer."""

    def __init__(self, raw: dict[str, Any], problems: list[Problem]) -> None:
        self._raw = raw
        self._problems = problems
        self.origins: dict[str, str] = {}

    def changes(self, path: str) -> bool:
        """True if a layer has set this key, one above it, or one within it."""
        return any(f"{path}.".startswith(f"{key}.") or key.startswith(f"{path}.") for key in self.origins)

    def endpoints(self) -> list[tuple[str, Any]]:
        """Return index and name of each endpoint so far; without a name, the index takes its place."""
        entries = self._raw.get("endpoints")
        if not isinstance(entries, list):
            return []
        return [(str(i), e.get("name", i) if isinstance(e, dict) else i) for i, e in enumerate(entries)]

    def replace_endpoints(self, text: str | None, origin: str) -> None:
        """Replace the whole list of endpoints by the one in ``text``, which is YAML or JSON."""
        if text is not None:
            self._raw["endpoints"] = parse_text(text)
            self.origins["endpoints"] = origin

    def apply(self, settings: Iterable[tuple[str, str, str]]) -> None:
        """Set keys to texts, given as (dotted key, text, origin); a section is set before the keys within it."""
        for key, text, origin in sorted(settings, key=lambda setting: setting[0].count(".")):
            if key.startswith("endpoints."):
                self._apply_to_endpoint(key, text, origin)
            else:
                self._put(self._raw, key, text, key, origin)

    def _apply_to_endpoint(self, key: str, text: str, origin: str) -> None:
        rest = key.removeprefix("endpoints.")
        # The longest name first, since one name may be a prefix of another.
        for index, name in sorted(self.endpoints(), key=lambda endpoint: len(str(endpoint[1])), reverse=True):
            for prefix in (f"{index}.", f"{name}."):
                if rest.startswith(prefix) and isinstance(entry := self._raw["endpoints"][int(index)], dict):
                    key = rest.removeprefix(prefix)
                    self._put(entry, key, text, f"endpoints.{index}.{key}", origin)
                    return
        known = ", ".join(str(name) for _, name in self.endpoints()) or "none"
        self._problems.append(Problem(key, f"({origin}) is not an endpoint; there are: {known}"))

    def _put(self, target: dict[str, Any], key: str, text: str, path: str, origin: str) -> None:
        *parents, last = key.split(".")
        for parent in parents:
            if target.get(parent) is None:
                target[parent] = {}
            elif isinstance(whole := target[parent], RawText):
                target[parent] = parse_text(whole)
            if isinstance(target[parent], str):  # a section written as text
                target[parent] = {WHOLE: target[parent]}
            target = target[parent]
            if not isinstance(target, dict):
                self._problems.append(
                    Problem(
                        path, f"({origin}) is not a known key: `{parent}` has no keys of its own; set `{parent}` itself"
                    )
                )
                return
        before, parsed = target.get(last), parse_text(text)
        if isinstance(before, dict) and isinstance(parsed, dict):
            target[last] = {**before, **parsed}
        else:
            target[last] = RawText(text)
        self.origins[path] = origin


def _from_environment(
    environ: Mapping[str, str], endpoints: Iterable[tuple[str, Any]], problems: list[Problem]
) -> Iterator[tuple[str, str, str]]:
    ours = {name: text for name, text in environ.items() if name.startswith(ENV_PREFIX)}
    keys: dict[str, list[str]] = {}
    for key in _keys(endpoints) if ours else ():  # skipped if possible: a thousand endpoints have many keys
        keys.setdefault(_variable(key), []).append(key)
    for variable, text in sorted(ours.items()):
        if _FOREIGN_VARIABLE.fullmatch(variable):
            continue
        match keys.get(variable, []):
            case []:
                hint = did_you_mean(variable, keys, ENV_PREFIX) or "; rename or unset it"
                problems.append(Problem(variable, f"does not set a known key{hint}"))
            case [key]:
                yield key, text, variable
            case several:
                means = " and ".join(several)
                problems.append(Problem(variable, f"is ambiguous: it means {means}; rename one endpoint, or use --set"))


def _variable(key: str) -> str:
    return ENV_PREFIX + re.sub(r"[^A-Za-z0-9]", "_", key).upper()


def _keys(endpoints: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """Yield every dotted key; an endpoint's keys both by its index and by its name."""
    addresses = dict.fromkeys(address for endpoint in endpoints for address in endpoint)
    ours, theirs = ([key.path for key in keys_of(section) if key.takes_value] for section in (Config, Endpoint))
    return chain(ours, (f"endpoints.{address}.{path}" for address in addresses for path in theirs))
