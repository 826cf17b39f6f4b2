"""Draft the description of an endpoint from its first page, and render it as a commented configuration."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from pipeline.config.expansion import plain_secrets
from pipeline.config.presets import Preset
from pipeline.config.request import BodyFormat
from pipeline.config.source import Paging, PagingStyle
from pipeline.discovery.duration import Estimate, timeout_for
from pipeline.discovery.first_page import FirstPage
from pipeline.discovery.guess import guess_fields
from pipeline.discovery.recognise import is_preset_url, is_static_file
from pipeline.errors import PermanentError
from pipeline.fetch.content.records import USUAL_KEYS, RecordFinder
from pipeline.formatting import counted, duration

_HEAD = """\
# Drafted by `pipeline init` from one page of each API. Review it, then run it:
#   pipeline check -c {path}
#   pipeline -c {path}
# DESCRIBE.md and REFERENCE.md explain every key.

timeout: {timeout:<18} # deadline of the whole run, in seconds{why}
output: {output}

endpoints:
"""

# With fewer records the draft is marked as uncertain.
_MIN_RECORDS = 3

# Host labels that do not distinguish shops.
_COMMON_LABELS = frozenset({"api", "shop", "store"})


class Draft(msgspec.Struct, frozen=True):
    """A drafted endpoint: its keys, comments by key, and ``doubts``, which the user should check."""

    name: str
    url: str
    keys: Mapping[str, Any] = {}
    comments: Mapping[str, str] = {}
    doubts: Sequence[str] = ()


def draft_endpoint(
    page: FirstPage, *, name: str, url: str, headers: Mapping[str, str], preset: Preset | None = None
) -> Draft:
    """Draft an endpoint from its first page; ``url`` and ``headers`` are as the user wrote them.

    ``preset`` is the recognised API, if any.
    """
    comments: dict[str, str] = {}
    if preset:
        keys: dict[str, Any] = {"preset": preset.name}
        comments["preset"] = preset.about
        doubts = list(_doubts_about_preset(preset, page))
    else:
        keys, doubts = _detected_keys(page, comments)
    if is_static_file(page, preset):
        keys["paging"], comments["paging"] = "none", "looks like a static file: a single page"
        doubts.append("the URL looks like a static file, so one page is fetched; if it is an API, remove `paging`")
    elif (total := page.announced.records) is not None and total > len(page.records):
        comments["name"] = f"announces {total} records, {len(page.records)} on the first page"
    if secret := plain_secrets(url, headers):
        names = " and ".join(secret)
        doubts.append(f"{names} should come from the environment or a file; write `${{NAME}}` or `${{file:PATH}}`")
    if len(page.records) < _MIN_RECORDS:
        doubts.append(f"few records to draft from: {len(page.records)} on the first page")
    return Draft(name, url, {**({"headers": dict(headers)} if headers else {}), **keys}, comments, doubts)


def _detected_keys(page: FirstPage, comments: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the keys and the doubts of an API without a preset."""
    keys: dict[str, Any] = {}
    doubts: list[str] = []
    if page.records_path and page.records_path not in USUAL_KEYS:
        if _is_path_of_records(page, page.records_path):
            keys["items"] = page.records_path
        else:
            doubts.append(f"the records are at {page.records_path!r}; `items` cannot express a key with a point")
    if page.format is not BodyFormat.JSON:
        keys["format"], comments["format"] = page.format.value, "found by the response"
    elif page.paging.style is not PagingStyle.AUTO:
        keys["paging"], comments["paging"] = _paging(page), "detected on the first page"
        if page.paging.style is PagingStyle.CURSOR:
            doubts.append(f"the name of the cursor parameter, `{page.paging.parameter}`, is a guess")
    elif not is_static_file(page, None):
        doubts.append(
            "the response does not reveal its paging: a run tries `page=2` and, if more is announced, `offset=N`; "
            "if this is the only page, set `paging: none`; if it has another parameter, describe it with `paging`"
        )
    guess = guess_fields(page.records)
    if guess.fields:
        keys["fields"] = guess.fields
    return keys, [*doubts, *guess.doubts]


def draft_without_page(*, name: str, url: str, headers: Mapping[str, str], why: str, preset: Preset | None) -> Draft:
    """Draft an endpoint whose first page could not be fetched; ``why`` is the reason."""
    keys: dict[str, Any] = {"headers": dict(headers)} if headers else {}
    if preset:
        keys["preset"] = preset.name
    return Draft(name, url, keys, {}, [f"the first page could not be fetched: {why}"])


def render_config(drafts: Sequence[Draft], *, path: str, output: str, longest: Estimate | None = None) -> str:
    """Return the configuration as YAML with comments; ``path`` is its file, ``output`` that of the summary.

    The deadline of the run allows for the estimate ``longest``.
    """
    entries = ("\n".join(_entry(draft)) for draft in drafts)
    why = f"; {counted(longest.pages, 'page')} of {longest.name}: about {duration(longest.seconds)}" if longest else ""
    timeout = timeout_for(longest)
    return _HEAD.format(path=_comment(path), output=_scalar(output), timeout=timeout, why=why) + "\n".join(entries)


def name_for(url: str, taken: Sequence[str]) -> str:
    """Return a name that is not in ``taken``: the distinctive label of the host, or the end of the path."""
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


def _is_path_of_records(page: FirstPage, path: str) -> bool:
    try:
        return len(RecordFinder(path).find(page.response.body)) == len(page.records)
    except PermanentError:
        return False


def _paging(page: FirstPage) -> Any:
    paging = page.paging
    keys = {
        key: getattr(paging, key).value if key == "style" else getattr(paging, key)
        for key in paging.__struct_fields__
        if getattr(paging, key) != getattr(Paging(), key)
    }
    return keys["style"] if len(keys) == 1 else keys


def _doubts_about_preset(preset: Preset, page: FirstPage) -> Iterator[str]:
    if page.endpoint.unset:
        yield f"{preset.name} needs credentials; set {' and '.join(page.endpoint.unset)} in the environment"
    if preset.path and not is_static_file(page, preset) and not is_preset_url(page.response.url, preset):
        yield f"the usual path of {preset.name} is {preset.path}; check the URL"
    fields = preset.endpoint.get("fields", {})
    if "currency" not in fields:
        yield "this API does not report a currency; if you know it, set `fields: {currency: {const: EUR}}`"


def _entry(draft: Draft) -> Iterator[str]:
    yield from _key("name", draft.name, draft.comments.get("name"), "  - ")
    yield from _key("url", draft.url, None)
    for key, value in draft.keys.items():
        yield from _key(key, value, draft.comments.get(key))
    if draft.doubts:
        yield "    # Please check:"
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
    """Return the text on one line, without characters that a terminal or YAML does not accept as text."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
