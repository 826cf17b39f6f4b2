"""Load the Python function that changes the records of an endpoint: ``shops.py:clean``."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, cast

import msgspec

from pipeline.config.endpoint import Endpoint
from pipeline.errors import ConfigError, Problem

# Takes a decoded record, and returns a record, a list of records, or None to drop it.
Function = Callable[[Any], Any]


class _UnusableError(Exception):
    """The file or the function cannot be used; the text gives the reason and a remedy."""


class Transform(msgspec.Struct, frozen=True):
    """A function from a file: its name, the path and the ``digest`` (SHA-256) of the file, and the function itself."""

    path: str
    name: str
    digest: str
    call: Function

    @property
    def definition(self) -> tuple[str, str]:
        """Everything that determines what the function returns, apart from what it imports."""
        return self.name, self.digest


def load_transforms(
    endpoints: Sequence[Endpoint], sources: Mapping[str, bytes] = MappingProxyType({})
) -> Mapping[str, Transform]:
    """Return the transforms of the endpoints that have one, by their names; each file is executed once.

    ``sources`` maps paths to the contents of files that are not on this machine.

    Raises:
        ConfigError: if there is no such file or function, or a file cannot be executed.
    """
    execute = cache(partial(_execute, sources))
    transforms: dict[str, Transform] = {}
    problems: list[Problem] = []
    for index, endpoint in enumerate(endpoints):
        if endpoint.transform:
            path, _, name = endpoint.transform.rpartition(":")
            try:
                module, digest = execute(path)
                transforms[endpoint.name] = Transform(path, name, digest, _function(module, name))
            except _UnusableError as error:
                problems.append(Problem(f"endpoints.{index}.transform", str(error)))
    if problems:
        raise ConfigError(problems)
    return transforms


def _function(module: ModuleType, name: str) -> Function:
    function = getattr(module, name, None)
    if not callable(function):
        raise _UnusableError(f"{module.__file__} has no function {name!r}; define `def {name}(record)` there")
    return cast("Function", function)


def _execute(sources: Mapping[str, bytes], path: str) -> tuple[ModuleType, str]:
    try:
        source = sources[path] if path in sources else Path(path).read_bytes()
    except OSError as error:
        remedy = "the path is relative to the configuration file"
        raise _UnusableError(f"{path} cannot be read: {error.strerror}; {remedy}") from None
    module = ModuleType(Path(path).stem)
    module.__file__ = path
    try:
        exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102 - the user's own file
    except SyntaxError as error:
        raise _UnusableError(f"{path} is not valid Python: {error.msg} (line {error.lineno})") from None
    except Exception as error:
        raise _UnusableError(f"{path} cannot be executed: {type(error).__name__}: {error}") from error
    return module, hashlib.sha256(source).hexdigest()
