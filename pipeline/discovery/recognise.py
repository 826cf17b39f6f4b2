"""Recognise well-known APIs by their URLs or by their responses."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from pipeline.config.presets import Preset, load_preset, preset_names
from pipeline.discovery.first_page import FirstPage
from pipeline.fetch.content.envelope import MISSING, Envelope

# Number of records that are inspected; most must have a sign, as some APIs omit empty fields.
_SAMPLE_SIZE = 5


def recognise(page: FirstPage) -> Preset | None:
    """Return the preset whose signs all match, preferring the one with the most signs; None if no preset matches."""
    fitting = [preset for preset in _presets() if has_signs(page, preset)]
    return max(fitting, key=lambda preset: len(preset.recognise.body) + len(preset.recognise.record), default=None)


def recognise_url(url: str) -> Preset | None:
    """Return the preset whose distinctive path matches the URL; not every preset has one."""
    path = urlsplit(url).path
    return next(
        (preset for preset in _presets() if preset.recognise.path and re.search(preset.recognise.path, path)), None
    )


def has_signs(page: FirstPage, preset: Preset) -> bool:
    """True if the response has all signs by which the API is recognised."""
    signs, records = preset.recognise, page.records[:_SAMPLE_SIZE]
    return (
        bool(records)
        and all(_has(page.response.body, path) for path in signs.body)
        and all(2 * sum(_has(record, path) for record in records) > len(records) for path in signs.record)
    )


def is_preset_url(url: str, preset: Preset) -> bool:
    """True if the path of the URL is one that the API of the preset usually has."""
    patterns = (preset.recognise.path, f"{re.escape(preset.path.partition('?')[0])}$" if preset.path else None)
    return any(pattern and re.search(pattern, urlsplit(url).path) for pattern in patterns)


def is_static_file(page: FirstPage, preset: Preset | None) -> bool:
    """True if the page looks like a static file on a web server, which has no further pages."""
    if page.response.next_link or (preset and is_preset_url(page.response.url, preset)):
        return False
    is_json = urlsplit(page.response.url).path.endswith(".json")
    return is_json and (preset is not None or "last-modified" in page.response.headers)


def _presets() -> Iterator[Preset]:
    return map(load_preset, preset_names())


def _has(value: bytes | msgspec.Raw, path: str) -> bool:
    return Envelope(bytes(value)).value(path, MISSING) is not MISSING
