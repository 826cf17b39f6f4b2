"""Drafts the description of an endpoint from its first page, and writes it down as a commented configuration."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from pipeline.config.expansion import plain_secrets
from pipeline.config.presets import Preset
from pipeline.config.source import Paging, PagingStyle
from pipeline.discovery.first_page import FirstPage
from pipeline.discovery.guess import guess_fields
from pipeline.discovery.recognise import is_file, is_usual
from pipeline.errors import PermanentError
from pipeline.fetch.content.records import USUAL_KEYS, RecordFinder

_HEAD = """\
# Drafted by `pipeline init` from one page of each API. Look at it, then run it:
#   pipeline check -c {path}
#   pipeline -c {path}
# DESCRIBE.md and REFERENCE.md explain every key.

timeout: 300                # deadline of the whole run, in seconds
output: {output}

endpoints:
"""

# Fewer records than this say little.
_FEW = 3

# Host labels that do not tell one shop from another.
_COMMON_LABELS = frozenset({"api", "shop", "store"})


class Draft(msgspec.Struct, frozen=True):
    """One endpoint as it is to be written: its keys, a comment for some of them, and what is not certain."""

    name: str
    url: str
    keys: Mapping[str, Any] = {}
    comments: Mapping[str, str] = {}
    doubts: Sequence[str] = ()


def draft_of(
    page: FirstPage, *, name: str, url: str, headers: Mapping[str, str], preset: Preset | None = None
) -> Draft:
    """The description that the first page speaks for; ``url`` and ``headers`` as the user wrote them.

    ``preset`` is what well-known API it is.
    """
    comments: dict[str, str] = {}
    if preset:
        keys: dict[str, Any] = {"preset": preset.name}
        comments["preset"] = preset.about
        doubts = list(_doubts_about_preset(preset, page))
    else:
        keys, doubts = _found_out(page, comments)
    if is_file(page, preset):
        keys["paging"], comments["paging"] = "none", "it looks like a file: all there is at once"
        doubts.append("it looks like a file, so that one page is taken; if it is an API, leave `paging` out")
    elif (total := page.announced.records) is not None and total > len(page.records):
        comments["name"] = f"announces {total} records, {len(page.records)} on the first page"
    if secret := plain_secrets(url, headers):
        doubts.append(f"{' and '.join(secret)} would better come from the environment: write `${{NAME}}` for the value")
    if len(page.records) < _FEW:
        doubts.append(f"there is little to go by: {len(page.records)} on the first page")
    return Draft(name, url, {**({"headers": dict(headers)} if headers else {}), **keys}, comments, doubts)


def _found_out(page: FirstPage, comments: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The keys, and the doubts, of an API that nobody knows."""
    keys: dict[str, Any] = {}
    doubts: list[str] = []
    if page.place and page.place not in USUAL_KEYS:
        if _leads_to_records(page, page.place):
            keys["items"] = page.place
        else:
            doubts.append(f"the records stand at {page.place!r}: `items` cannot say that, as a key has a point in it")
    if page.paging.style is not PagingStyle.AUTO:
        keys["paging"], comments["paging"] = _paging(page), "found out from the first page"
        if page.paging.style is PagingStyle.CURSOR:
            doubts.append(f"that the parameter for the cursor is called `{page.paging.parameter}` is a guess")
    elif not is_file(page, None):
        doubts.append(
            "nothing in the response says how it is paged: `?page=1`, `?page=2` and so on are tried; "
            "if it counts from 0, set `paging: {style: page, start: 0}`, if this is all there is, `paging: none`"
        )
    guess = guess_fields(page.records)
    if guess.fields:
        keys["fields"] = guess.fields
    return keys, [*doubts, *guess.doubts]


def draft_without_page(*, name: str, url: str, headers: Mapping[str, str], why: str, preset: Preset | None) -> Draft:
    """What can be said of an endpoint whose first page did not come."""
    keys: dict[str, Any] = {"headers": dict(headers)} if headers else {}
    if preset:
        keys["preset"] = preset.name
    return Draft(name, url, keys, {}, [f"its first page did not come: {why}"])


def write_config(drafts: Sequence[Draft], *, path: str, output: str) -> str:
    """The configuration as YAML, with comments."""
    entries = ("\n".join(_entry(draft)) for draft in drafts)
    return _HEAD.format(path=_comment(path), output=_scalar(output)) + "\n".join(entries)


def name_for(url: str, taken: Sequence[str]) -> str:
    """A name for the endpoint: what tells its host from others, or the end of its path; none of ``taken``."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rpartition(".")[0].split(".")
    named = [label for label in host if label != "www" and not label.isdigit()]
    labels = [label for label in named if label not in _COMMON_LABELS] or named
    text = labels[-1] if labels else parts.path.rstrip("/").rpartition("/")[2].partition(".")[0]
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:40]
    if not name or name.isdigit():
        name = "api"
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    return unique


def _leads_to_records(page: FirstPage, place: str) -> bool:
    try:
        return len(RecordFinder(place).find(page.response.body)) == len(page.records)
    except PermanentError:
        return False


def _paging(page: FirstPage) -> Any:
    how = page.paging
    said = {
        key: getattr(how, key).value if key == "style" else getattr(how, key)
        for key in how.__struct_fields__
        if getattr(how, key) != getattr(Paging(), key)
    }
    return said["style"] if len(said) == 1 else said


def _doubts_about_preset(preset: Preset, page: FirstPage) -> Iterator[str]:
    if page.endpoint.unset:
        yield f"{preset.name} takes its credentials from {' and '.join(page.endpoint.unset)}, which is not set"
    if preset.path and not is_file(page, preset) and not is_usual(page.response.url, preset):
        yield f"{preset.name} usually answers at {preset.path}"
    fields = preset.endpoint.get("fields", {})
    if "currency" not in fields:
        yield "this API says no currency; if the shop's is known, set `fields: {currency: {const: EUR}}`"


def _entry(draft: Draft) -> Iterator[str]:
    yield from _key("name", draft.name, draft.comments.get("name"), "  - ")
    yield from _key("url", draft.url, None)
    for key, value in draft.keys.items():
        yield from _key(key, value, draft.comments.get(key))
    if draft.doubts:
        yield "    # Not certain:"
        yield from (f"    # - {_comment(doubt)}" for doubt in draft.doubts)
    yield ""


def _key(key: str, value: Any, comment: str | None, indent: str = "    ") -> Iterator[str]:
    end = f"    # {_comment(comment)}" if comment else ""
    if isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values()):
        yield f"{indent}{key}:{end}"
        for inner_key, inner in value.items():
            yield f"      {inner_key}: {_scalar(inner)}"
    else:
        yield f"{indent}{key}: {_scalar(value)}{end}"


def _scalar(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1_000_000, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _comment(text: str) -> str:
    """On one line, without what a terminal or YAML would not take as text."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
