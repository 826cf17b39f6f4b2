"""The facts of a report as JSON, for the process that draws it; all texts are clean and short."""

import re
from typing import Any

import msgspec

from pipeline.html_report.facts import Facts

# Longer texts are cut. The layout of a label takes vl-convert a time that grows with the square of its length.
TEXT_LENGTH = 500

# Control characters except tab and line breaks, lone surrogates, and two noncharacters. XML 1.0 (section 2.2)
# permits none of them but U+007F to U+009F, which HTML discourages. vl-convert aborts the process at the others.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def encode_facts(facts: Facts) -> bytes:
    """Return the facts as JSON.

    Each character that cannot be drawn is replaced with U+FFFD. Texts of more than ``TEXT_LENGTH`` characters are cut,
    except for the configuration, which is the user's own.
    """
    return msgspec.json.encode({
        name: _cleaned(value, None if name == "configuration" else TEXT_LENGTH)
        for name, value in msgspec.to_builtins(facts, str_keys=True).items()
    })  # fmt: skip


def decode_facts(data: bytes) -> Facts:
    """Return the facts of ``encode_facts``.

    Raises:
        msgspec.DecodeError: ``data`` is not the JSON of facts.
    """
    return msgspec.json.decode(data, type=Facts)


def _cleaned(value: Any, most: int | None) -> Any:
    match value:
        case str():
            shown = value if most is None or len(value) <= most else f"{value[:most]}…"
            return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", shown)
        case dict():
            return {_cleaned(name, most): _cleaned(item, most) for name, item in value.items()}
        case list() | tuple():
            return [_cleaned(item, most) for item in value]
        case _:
            return value
