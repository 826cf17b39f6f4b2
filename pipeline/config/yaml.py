"""Read YAML safely, with the places of its keys, and reject duplicate keys, which PyYAML accepts."""

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


def parse_text(text: str) -> Any:
    """Parse the value of a flag or an environment variable; return it unchanged if it is not valid YAML."""
    try:
        return yaml.load(text, _UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except Exception:  # noqa: BLE001 - PyYAML does not catch what its constructors raise
        return text


class YamlFile:
    """A YAML file with a mapping at the top: its ``content``, and the places of its keys.

    Without the file, the content is empty if it is not ``required``.

    Raises:
        ConfigError: if the file cannot be read, or contains anything else.
    """

    def __init__(self, path: Path, *, required: bool) -> None:
        self._path = path
        self._root: yaml.Node | None = None
        try:
            content = self._parse(path.read_bytes())
        except FileNotFoundError:
            if required:
                remedy = "name another file with --config, or let `pipeline init` draft it"
                raise ConfigError([Problem(str(path), f"no such file; {remedy}")]) from None
            content = None
        except OSError as error:
            text = f"cannot be read: {error.strerror}; name another file with --config"
            raise ConfigError([Problem(str(path), text)]) from None
        except Exception as error:  # noqa: BLE001 - PyYAML does not catch what its constructors raise
            raise ConfigError([self._syntax_problem(error)]) from None
        if content is not None and not isinstance(content, dict):
            text = f"needs keys and values at the top (example: `timeout: 60`), got {type(content).__name__}"
            raise ConfigError([Problem(str(path), text)])
        self.content: dict[str, Any] = content or {}

    def place(self, path: str) -> str | None:
        """Return the place of a dotted path as ``FILE:LINE:COLUMN``, or that of the nearest key above it.

        An endpoint is addressed by its index or its name. Columns count from 1, in characters. None if the file does
        not have the first key of the path.
        """
        mark, node = None, self._root
        while path and node is not None:
            found = _child(node, path)
            if found is None:
                break
            mark, node, path = found
        return self._shown(mark) if mark else None

    def _parse(self, text: bytes) -> Any:
        loader = _UniqueKeyLoader(text)
        try:
            self._root = loader.get_single_node()
            return None if self._root is None else loader.construct_document(self._root)
        finally:
            loader.dispose()

    def _shown(self, mark: yaml.Mark) -> str:
        return f"{self._path}:{mark.line + 1}:{mark.column + 1}"

    def _syntax_problem(self, error: Exception) -> Problem:
        """Return what is wrong and where, without the line itself, which may contain a secret."""
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
            return Problem("", f"is not valid YAML: {error.problem}", self._shown(error.problem_mark))
        return Problem(str(self._path), f"is not valid YAML: {' '.join(str(error).split())}")


def _child(node: yaml.Node, path: str) -> tuple[yaml.Mark, yaml.Node, str] | None:
    """Return the mark and the node of the next part of a path, and the rest of the path; None without that part."""
    if isinstance(node, yaml.SequenceNode):
        names = [{str(index), _name_of(item)} for index, item in enumerate(node.value)]
        children = [(name, item.start_mark, item) for its, item in zip(names, node.value, strict=True) for name in its]
    elif isinstance(node, yaml.MappingNode):
        children = [(key.value, key.start_mark, value) for key, value in node.value if isinstance(key.value, str)]
    else:
        return None
    # The longest name first, since names may have dots.
    for name, mark, child in sorted(children, key=lambda each: len(each[0]), reverse=True):
        if name and (path == name or path.startswith(f"{name}.")):
            return mark, child, path[len(name) + 1 :]
    return None


def _name_of(item: yaml.Node) -> str:
    """Return the name of an endpoint, an empty text for anything else."""
    pairs = item.value if isinstance(item, yaml.MappingNode) else ()
    return next((value.value for key, value in pairs if key.value == "name" and isinstance(value.value, str)), "")
