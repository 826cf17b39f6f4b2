"""Read YAML safely, and reject duplicate keys, which PyYAML accepts."""

from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ConfigError, Problem


class _UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML's safe loader, for which a duplicate key is an error instead of a silent loss."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} appears twice", key.start_mark
                    )
                seen.add(key.value)
        return node


def _without_content(error: Exception) -> str:
    """Return what is wrong and where, without the line itself, which may contain a secret."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"
    return " ".join(str(error).split())


def parse_text(text: str) -> Any:
    """Parse the value of a flag or an environment variable; return it unchanged if it is not valid YAML."""
    try:
        return yaml.load(text, _UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except Exception:  # noqa: BLE001 - PyYAML does not catch what its constructors raise
        return text


def read_yaml(file: Path, *, required: bool) -> dict[str, Any]:
    """Read a YAML file with a mapping at the top; return an empty one if it does not exist and is not ``required``.

    Raises:
        ConfigError: if the file cannot be read, or contains anything else.
    """
    try:
        raw = yaml.load(file.read_bytes(), _UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        if not required:
            return {}
        raise ConfigError(
            [Problem(str(file), "no such file; name another file with --config, or let `pipeline init` draft it")]
        ) from None
    except OSError as error:
        raise ConfigError(
            [Problem(str(file), f"cannot be read: {error.strerror}; name another file with --config")]
        ) from None
    except Exception as error:  # noqa: BLE001 - PyYAML does not catch what its constructors raise
        raise ConfigError([Problem(str(file), f"is not valid YAML: {_without_content(error)}")]) from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigError(
            [Problem(str(file), f"needs keys and values at the top (example: `timeout: 60`), got {type(raw).__name__}")]
        )
    return raw
