"""Recognises a well-known API by its URL or by what it answers."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from pipeline.config.presets import Preset, load_preset, preset_names
from pipeline.discovery.first_page import FirstPage
from pipeline.fetch.content.lookup import find_value

# A sign has to be in most of the first records; some APIs leave out what is empty.
_LOOKED_AT = 5

_MISSING = object()


def recognise(page: FirstPage) -> Preset | None:
    """The preset whose signs are all there; of several, the one with the most."""
    fitting = [preset for preset in _presets() if _fits(preset, page)]
    return max(fitting, key=lambda preset: len(preset.recognise.body) + len(preset.recognise.record), default=None)


def recognise_url(url: str) -> Preset | None:
    """The preset whose path the URL has; not every preset has one that tells."""
    path = urlsplit(url).path
    return next(
        (preset for preset in _presets() if preset.recognise.path and re.search(preset.recognise.path, path)), None
    )


def is_usual(url: str, preset: Preset) -> bool:
    """Whether the API usually answers at such a URL."""
    patterns = (preset.recognise.path, f"{re.escape(preset.path.partition('?')[0])}$" if preset.path else None)
    return any(pattern and re.search(pattern, urlsplit(url).path) for pattern in patterns)


def is_file(page: FirstPage, preset: Preset | None) -> bool:
    """Whether it looks like a file that a web server hands out: such a one has no other pages, whatever it says."""
    if page.response.next_link or (preset and is_usual(page.response.url, preset)):
        return False
    is_json = urlsplit(page.response.url).path.endswith(".json")
    return is_json and (preset is not None or "last-modified" in page.response.headers)


def _presets() -> Iterator[Preset]:
    return map(load_preset, preset_names())


def _fits(preset: Preset, page: FirstPage) -> bool:
    signs, records = preset.recognise, page.records[:_LOOKED_AT]
    return (
        bool(records)
        and all(_has(page.response.body, path) for path in signs.body)
        and all(2 * sum(_has(record, path) for record in records) > len(records) for path in signs.record)
    )


def _has(value: bytes | msgspec.Raw, path: str) -> bool:
    return find_value(bytes(value), path, default=_MISSING) is not _MISSING
