"""Append drafted endpoints to an existing configuration, whose text and comments stay as they are."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from pipeline.errors import ConfigError, Problem


def endpoint_names(text: str) -> Sequence[str]:
    """Return the names of the endpoints in a configuration that :func:`appended` accepts."""
    raw = yaml.safe_load(text)
    entries = raw.get("endpoints") if isinstance(raw, dict) else None
    named = entries if isinstance(entries, list) else []
    return [str(entry["name"]) for entry in named if isinstance(entry, dict) and "name" in entry]


def appended(path: Path, text: str, entries: str) -> str:
    """Return a configuration with further endpoints after the last one; ``entries`` are indented by two blanks.

    Raises:
        ConfigError: if the configuration is not valid YAML, or its endpoints are not a block list.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    try:
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError([Problem(str(path), f"is not valid YAML: {' '.join(str(error).split())}")]) from None
    members = document.value if isinstance(document, yaml.MappingNode) else []
    node = next((value for key, value in members if key.value == "endpoints"), None)
    if node is None:
        return "".join(lines) + f"\nendpoints:\n{entries}".replace("\n", end)
    if not isinstance(node, yaml.SequenceNode) or node.flow_style or not node.value:
        wrong = "is not a list with a line for each endpoint; write it as `- name: …`, or draft to another file with -c"
        raise ConfigError([Problem(f"{path}: endpoints", wrong)])
    indent = node.start_mark.column
    shifted = "".join(
        f"{' ' * indent}{line[2:]}" if line.strip() else line for line in entries.splitlines(keepends=True)
    )
    last = _last_line(node)
    while last < len(lines) and _is_comment_within(lines[last], indent):
        last += 1
    shifted = shifted.rstrip("\n") + "\n"
    return "".join([*lines[:last], shifted.replace("\n", end), *lines[last:]])


def _is_comment_within(line: str, indent: int) -> bool:
    """Return True for a comment that is indented like the keys of an endpoint, so that it belongs to it."""
    text = line.lstrip()
    return text.startswith("#") and len(line) - len(text) > indent


def _last_line(node: yaml.Node) -> int:
    """Return the number of the line after the last scalar of a node."""
    children = node.value if isinstance(node, yaml.SequenceNode) else []
    if isinstance(node, yaml.MappingNode):
        children = [each for pair in node.value for each in pair]
    is_flow = isinstance(node, yaml.CollectionNode) and node.flow_style
    if children and not is_flow:
        return max(map(_last_line, children))
    end: int = node.end_mark.line + (node.end_mark.column > 0)
    return end
