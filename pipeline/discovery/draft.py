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
from pipeline.config.source import Paging
from pipeline.discovery.duration import Estimate, timeout_for
from pipeline.discovery.first_page import FirstPage
from pipeline.discovery.guessing.fields import Guess, guess_fields
from pipeline.discovery.proof import Proof
from pipeline.discovery.recognise import has_signs, is_preset_url, is_static_file
from pipeline.discovery.record_lists import currencies_around
from pipeline.errors import PermanentError
from pipeline.fetch.content.records import USUAL_KEYS, RecordFinder
from pipeline.formatting import counted, duration

_HEAD = """\
# Drafted by `pipeline init` from two pages of each API. Review it, then run it:
#   pipeline check -c {path}
#   pipeline -c {path}
# "proved" lines were tried, "seen" ones are in the response, "guessed" ones fit its names and values.
# docs/DESCRIBE.md and docs/REFERENCE.md explain every key.

timeout: {timeout:<18} # deadline of the whole run, in seconds{why}
output: {output}

endpoints:
"""

# With fewer records the draft is marked as uncertain.
_MIN_RECORDS = 3

# Other lists that a comment names.
_SHOWN_LISTS = 4

# Host labels that do not distinguish shops.
_COMMON_LABELS = frozenset({"api", "shop", "store"})


class Draft(msgspec.Struct, frozen=True):
    """A drafted endpoint: its keys, comments by key, and ``doubts``, which the user should check.

    The comments of keys within `fields` are named ``fields.price``.
    """

    name: str
    url: str
    keys: Mapping[str, Any] = {}
    comments: Mapping[str, str] = {}
    doubts: Sequence[str] = ()


def draft_endpoint(
    page: FirstPage,
    *,
    name: str,
    url: str,
    headers: Mapping[str, str],
    preset: Preset | None = None,
    proof: Proof | None = None,
) -> Draft:
    """Draft an endpoint from its first page; ``url`` and ``headers`` are as the user wrote them.

    ``preset`` is the recognised API, if any. ``proof`` is the outcome of the request for a second page.
    """
    comments: dict[str, str] = {}
    keys: dict[str, Any] = {}
    guess = guess_fields(page.records, currencies_around(page.response.body))
    if preset:
        evidence = "seen" if has_signs(page, preset) else "guessed"
        keys["preset"], comments["preset"] = preset.name, f"{evidence}: {preset.about}"
        doubts = list(_doubts_about_preset(preset, page))
        if proof:
            doubts += [proof.doubt] if proof.doubt else []
            comments["preset"] += f"; {proof.mark}" if proof.second else ""
        if extra := guess.fields.get("extra"):
            keys["fields"], comments["fields.extra"] = {"extra": extra}, guess.marks["extra"]
    else:
        doubts = _describe(page, guess, proof, keys, comments)
    if is_static_file(page, preset):
        keys["paging"], comments["paging"] = "none", "guessed: looks like a static file"
        doubts.append("the URL looks like a static file, so one page is fetched; if it is an API, remove `paging`")
    elif (total := page.announced.records) is not None and total > len(page.records):
        comments["name"] = f"announces {total} records, {len(page.records)} on the first page"
    if secret := plain_secrets(url, headers):
        names = " and ".join(secret)
        doubts.append(f"{names} should come from the environment or a file; write `${{NAME}}` or `${{file:PATH}}`")
    if len(page.records) < _MIN_RECORDS:
        doubts.append(f"few records to draft from: {len(page.records)} on the first page")
    return Draft(name, url, {**({"headers": dict(headers)} if headers else {}), **keys}, comments, doubts)


def _describe(
    page: FirstPage, guess: Guess, proof: Proof | None, keys: dict[str, Any], comments: dict[str, str]
) -> list[str]:
    """Fill in the keys of an API without a preset, each with its evidence; return the doubts."""
    doubts = _describe_items(page, keys, comments)
    if page.format is not BodyFormat.JSON:
        keys["format"], comments["format"] = page.format.value, "seen in the response"
    elif proof is not None:
        if proof.paging is not None:
            keys["paging"], comments["paging"] = _paging(proof.paging), proof.mark
        if proof.doubt:
            doubts.append(proof.doubt)
    if guess.fields:
        keys["fields"] = guess.fields
        comments |= {f"fields.{name}": mark for name, mark in guess.marks.items()}
    return [*doubts, *guess.doubts]


def _describe_items(page: FirstPage, keys: dict[str, Any], comments: dict[str, str]) -> list[str]:
    path = page.records_path
    others = [each for each in page.lists if each.path != path]
    if page.endpoint.items:
        keys["items"] = page.endpoint.items
    elif path and (path not in USUAL_KEYS or others):
        if items_for(page) is None:
            return [f"the records are at {path!r}; `items` cannot express a key with a point"]
        keys["items"] = path
        chosen = next((each.likeness for each in page.lists if each.path == path), 0)
        rivals = [each for each in others if each.likeness == chosen]
        comments["items"] = "guessed" if rivals else "seen: its records look most like products" if others else "seen"
        if others:
            comments["items"] += f"; other lists: {', '.join(each.path for each in others[:_SHOWN_LISTS])}"
        if rivals:
            return [f"`items`: {path} and {rivals[0].path} look alike; the first one is read"]
    return []


def draft_without_page(
    *,
    name: str,
    url: str,
    headers: Mapping[str, str],
    why: str,
    preset: Preset | None,
    items: str | None = None,
) -> Draft:
    """Draft an endpoint whose first page could not be fetched; ``why`` is the reason."""
    keys: dict[str, Any] = {"headers": dict(headers)} if headers else {}
    keys |= {key: value for key, value in (("preset", preset.name if preset else None), ("items", items)) if value}
    return Draft(name, url, keys, {}, [f"the first page could not be fetched: {why}"])


def render_config(drafts: Sequence[Draft], *, path: str, output: str, longest: Estimate | None = None) -> str:
    """Return the configuration as YAML with comments; ``path`` is its file, ``output`` that of the summary.

    The deadline of the run allows for the estimate ``longest``.
    """
    why = f"; {counted(longest.pages, 'page')} of {longest.name}: about {duration(longest.seconds)}" if longest else ""
    timeout = timeout_for(longest)
    return _HEAD.format(path=_comment(path), output=_scalar(output), timeout=timeout, why=why) + render_endpoints(
        drafts
    )


def render_endpoints(drafts: Sequence[Draft]) -> str:
    """Return the endpoints as elements of a YAML list, indented by two blanks."""
    return "\n".join("\n".join(_entry(draft)) for draft in drafts)


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


def items_for(page: FirstPage) -> str | None:
    """Return the path of the records as `items`; None if they are the whole body, or `items` cannot express it."""
    path = page.records_path
    try:
        found = RecordFinder(path).find(page.response.body) if path else ()
    except PermanentError:
        return None
    return path if path and len(found) == len(page.records) else None


def _paging(paging: Paging) -> Any:
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
        if key == "fields":
            yield "    fields:"
            for name, field in value.items():
                yield from _key(name, field, draft.comments.get(f"fields.{name}"), "      ")
        else:
            yield from _key(key, value, draft.comments.get(key))
    if draft.doubts:
        yield "    # Please check:"
        yield from (f"    # - {_comment(doubt)}" for doubt in draft.doubts)
    yield ""


def _key(key: str, value: Any, comment: str | None, indent: str = "    ") -> Iterator[str]:
    end = f"    # {_comment(comment)}" if comment else ""
    yield f"{indent}{key}: {_scalar(value)}{end}"


def _scalar(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1_000_000, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _comment(text: str) -> str:
    """Return the text on one line, without characters that a terminal or YAML does not accept as text."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
