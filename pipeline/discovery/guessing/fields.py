"""Guess the paths of product fields in an unknown API from one page of records."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from pipeline.discovery.guessing.extra import guess_extra
from pipeline.discovery.guessing.price import guess_price, has_price
from pipeline.discovery.samples import MIN_SHARE, SamplePath, Samples, first_of, is_language, quoted, words_of
from pipeline.normalize.fields import (
    CATEGORY_KEYS,
    ID_KEYS,
    TITLE_KEYS,
    UNCATEGORIZED,
    first_category,
    first_id,
    first_title,
)

Fits = Callable[[Sequence[Any]], bool]

_NAMES = {
    "id": re.compile(
        r"(^|_)(id|sku|code|uuid|guid|gtin|ean|asin|handle|slug|reference|number)$|(?<=[a-z])(Id|ID|Sku|SKU|Code)$"
        r"|^(item|product|article|listing|offer|goods)id$|[nN]ummer$|^art(ikel)?_?nr$"
    ),
    "title": re.compile(
        r"title|name|label|heading|headline|caption|designation|bezeichnung|nombre|titre|nome|nazwa|^product$|^description$",
        re.IGNORECASE,
    ),
    "category": re.compile(
        r"categor|department|product_?type|collection|section|kategori|warengruppe|taxon|genre", re.IGNORECASE
    ),
}
# Names that match a field, exactly, in the order of preference.
_USUAL = {
    "id": (*ID_KEYS, "_id", "itemCode"),
    "title": (*TITLE_KEYS, "displayName", "productDisplayName", "headline"),
    "category": CATEGORY_KEYS,
}
# Words in the names of categories, the likeliest first.
_BY_LIKENESS = ("categor", "kategor", "genre", "department", "type", "taxon")
# Words above or in a name that show that it is that of something else.
_OF_OTHERS = frozenset(
    """
    image images img media photo photos brand vendor seller shop store user author owner manufacturer file meta seo tag
    tags review reviews option options attribute address currency language country unit artist company
    supplier publisher type status
    """.split()
)
# Words in the names of ids of anything.
_ID_WORDS = frozenset("id ids item product sku code uuid guid number gtin ean slug handle reference".split())
_ENGLISH = re.compile(r"en([-_].*)?|default", re.IGNORECASE)
# Names of the text in an object of a list of translations.
_TRANSLATED = ("value", "text", "name", "title")


class Guess(msgspec.Struct, frozen=True):
    """Paths by field, for fields that default names do not find; ``price`` may be a mapping as in `fields`.

    ``marks`` has the evidence for each: "proved", "seen" or "guessed", with a reason. ``doubts`` lists what is
    uncertain or was not found.
    """

    fields: dict[str, Any]
    doubts: Sequence[str]
    marks: dict[str, str] = {}


def guess_fields(raws: Sequence[msgspec.Raw], envelope_currencies: Sequence[str] = ()) -> Guess:
    """Guess the paths of fields that default names do not find; records that are not objects are ignored."""
    samples = Samples(raws)
    fields: dict[str, Any] = {}
    marks: dict[str, str] = {}
    doubts: list[str] = []
    if not samples:
        return Guess(fields, doubts)
    for name, keys, fits in _FIELDS:
        if _default_names_suffice(samples, keys, fits):
            continue
        found = list(_localized(samples)) if name == "title" else []
        found += _candidates(samples, name, fits, _stem(samples, fields.get("id")))
        if found:
            fields[name] = found[0]
            others = f"; it could also be {' or '.join(f'`{path}`' for path in found[1:3])}" if found[1:] else ""
            marks[name] = f"guessed{others}"
            doubts.append(f"`{name}` is read from `{found[0]}`{others}")
        else:
            doubts.append(f"no {name} was found; if there is one, set its path in `fields`")
    priced = guess_price(samples, envelope_currencies, stem=_stem(samples, fields.get("id")))
    fields |= {name: value for name, value in (("price", priced.price), ("currency", priced.currency)) if value}
    if priced.null_values:
        fields["null_values"] = list(priced.null_values)
    extra = guess_extra(samples)
    if priced.list_price:
        extra["list_price"] = priced.list_price
    if extra:
        fields["extra"], marks["extra"] = extra, "seen: further fields; leave out what is not wanted"
    category = [doubt for doubt in doubts if "category" in doubt]
    return Guess(
        fields, [*(each for each in doubts if each not in category), *priced.doubts, *category], marks | priced.marks
    )


def likeness(raws: Sequence[msgspec.Raw]) -> int:
    """Return how much records look like products: points for ids, titles and prices."""
    samples = Samples(raws[:10])
    if not samples:
        return 0
    fits = {name: (keys, fit) for name, keys, fit in _FIELDS}
    points = 0
    for name, worth in (("id", 2), ("title", 3)):
        keys, fit = fits[name]
        if _default_names_suffice(samples, keys, fit) or next(_candidates(samples, name, fit), None):
            points += worth
    return points + 4 * has_price(samples)


def _are_ids(values: Sequence[Any]) -> bool:
    texts = [first_id((value,)) for value in values]
    return bool(texts) and None not in texts and len(set(texts)) == len(texts)


def _are_titles(values: Sequence[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str) and first_title((value,))]
    return bool(texts) and len(texts) >= MIN_SHARE * len(values) and not any("://" in text for text in texts)


def _are_categories(values: Sequence[Any]) -> bool:
    named = [value for value in values if not isinstance(value, int) and first_category((value,)) != UNCATEGORIZED]
    return bool(named) and not any(isinstance(value, str) and "://" in value for value in named)


_FIELDS: Sequence[tuple[str, Sequence[str], Fits]] = (
    ("id", ID_KEYS, _are_ids),
    ("title", TITLE_KEYS, _are_titles),
    ("category", CATEGORY_KEYS, _are_categories),
)


def _default_names_suffice(samples: Samples, keys: Sequence[str], fits: Fits) -> bool:
    found = [next((r[key] for key in keys if r.get(key) not in (None, "", [])), None) for r in samples.records]
    if fits is _are_ids:
        return fits(found)
    present = [value for value in found if value is not None]
    return len(present) >= MIN_SHARE * len(found) and fits(present)


def _stem(samples: Samples, path: str | None) -> frozenset[str]:
    """Return the words in the name of the id, besides those that are for any id: track for ``trackId``."""
    at = next((at for at in samples.paths if at.path == path), None)
    return frozenset(at.last_words if at else ()) - _ID_WORDS


def _candidates(samples: Samples, name: str, fits: Fits, stem: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield dotted paths whose names and values both match a field, the likeliest first."""
    pattern, usual = _NAMES[name], _USUAL[name]
    named = [at for at in samples.paths if not at.through_list and _is_named(at, name, pattern)]
    fitting = [(at, values) for at in named if (values := samples.present(at.path)) and fits(values)]

    def rank(found: tuple[SamplePath, list[Any]]) -> tuple[object, ...]:
        at, values = found
        last = at.keys[-1]
        is_constant = name == "title" and len(values) > 1 and len(set(map(str, values))) == 1
        place = usual.index(last) if last in usual else len(usual)
        if name == "category":
            place = next((n for n, word in enumerate(_BY_LIKENESS) if word in at.path.lower()), len(_BY_LIKENESS))
            return place, len(at.keys)
        return is_constant, not stem.issubset(at.last_words), last == "description", len(at.keys), place

    # The sort is stable: equals keep the order of the API.
    yield from (at.path for at, _ in sorted(fitting, key=rank))
    if name == "category":
        yield from _categories_in_lists(samples, fits)


def _is_named(at: SamplePath, name: str, pattern: re.Pattern[str]) -> bool:
    last = at.keys[-1]
    words = {word for key in at.keys[:-1] for word in words_of(key)}
    if name == "category":
        if (words | set(at.last_words)) & {"tax", "taxes"}:
            return False
        is_related = at.keys[-2:] == ("data", "id") and bool(pattern.search(at.path))  # JSON:API
        return is_related or bool(pattern.search(last)) or (last in ("name", "title") and bool(pattern.search(at.path)))
    if name == "id":
        return bool(pattern.search(last)) and not (words | set(at.last_words[:-1])) & (_OF_OTHERS - {"meta"})
    return bool(pattern.search(last)) and not (words | set(at.last_words)) & (_OF_OTHERS - {"type"})


def _categories_in_lists(samples: Samples, fits: Fits) -> Iterator[str]:
    """Yield paths of the names of the first category in a list, in one language."""
    for at in samples.paths:
        is_name = at.keys[-1] in ("name", "title", "label") or (len(at.keys) > 1 and at.keys[-2] == "name")
        if at.through_list and is_name and _NAMES["category"].search(at.path):
            values = [first_of(value) for value in samples.present(at.path)]
            if fits(values) and all(isinstance(value, str) for value in values):
                yield f"{at.path} | [0]"


def _localized(samples: Samples) -> Iterator[str]:
    """Yield paths of titles in objects by language, ``name: {en: …, de: …}``, or in lists of translations."""
    for at in samples.paths:
        if at.through_list or not _is_named(at, "title", _NAMES["title"]):
            continue
        values = samples.present(at.path)
        if values and all(isinstance(value, dict) and all(map(is_language, value)) for value in values):
            languages = sorted(
                dict.fromkeys(key for value in values for key in value), key=lambda key: not _ENGLISH.fullmatch(key)
            )
            paths = [f"{at.path}.{quoted(language)}" for language in languages]
            yield " || ".join(paths[:3])
        elif values and all(isinstance(value, list) and isinstance(value[0], dict) for value in values):
            key = next((key for key in _TRANSLATED if all(key in value[0] for value in values)), None)
            if key:
                yield f"{at.path}[0].{key}"
