"""The documents, and the generated blocks in each of them, between two markers.

The markers are ``<!-- keys: begin, made by just docs -->`` and ``<!-- keys: end -->``, in YAML within a comment.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from docs import commented, mocks, tables
from pipeline.config.schema import config_schema

ROOT = Path(__file__).parents[1]

BLOCKS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "README.md": {
        "exit codes": tables.exit_codes,
    },
    "docs/OPERATE.md": {
        "events": tables.events,
        "metrics": tables.metrics,
    },
    "docs/REFERENCE.md": {
        "commands": tables.commands,
        "checked endpoint": tables.checked_endpoint,
        "estimate": tables.estimate,
        "summary": tables.summary,
        "files": tables.files,
        "fields": tables.usual_fields,
        "keys": tables.keys,
        "flags": tables.flags,
    },
    "docs/DESCRIBE.md": {
        "presets": tables.presets,
        "paging keys": tables.paging_keys,
        "fields keys": tables.fields_keys,
        "price keys": tables.price_keys,
        "auth keys": tables.auth_keys,
    },
    "mockapi/README.md": {
        "personas": mocks.personas,
        "credentials": mocks.credentials,
        "flags": mocks.flags,
        "faults": mocks.faults,
    },
    "config/config.yaml": {
        "keys": commented.keys,
        "endpoint keys": commented.endpoint_keys,
    },
}

_BLOCK = re.compile(
    r"(?P<begin>^[ #]*<!-- (?P<name>[\w ]+): begin, made by just docs -->\n).*?(?P<end>^[ #]*<!-- (?P=name): end -->$)",
    re.DOTALL | re.MULTILINE,
)


def made() -> Mapping[Path, str]:
    """Return the current text of each document, by path.

    Raises:
        ValueError: if a document lacks one of its blocks, or has an unknown one.
    """
    texts = {ROOT / name: _woven(name, (ROOT / name).read_text(encoding="utf-8")) for name in BLOCKS}
    return {**texts, ROOT / "config" / "config.schema.json": f"{config_schema()}\n"}


def _woven(name: str, text: str) -> str:
    blocks = BLOCKS[name]
    found = [match["name"] for match in _BLOCK.finditer(text)]
    if sorted(found) != sorted(blocks):
        raise ValueError(f"{name} has the blocks {found}; expected {list(blocks)}")
    return _BLOCK.sub(lambda match: f"{match['begin']}{blocks[match['name']]()}\n{match['end']}", text)
