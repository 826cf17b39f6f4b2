"""Guess the paths of further fields that most users want: URL, image, GTIN, brand, stock and list price."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.discovery.samples import SamplePath, Samples, first_of, words_of

_PICTURES = frozenset("image images img media picture pictures photo photos thumbnail".split())

# Names of the value within an object that is a link, an image, a brand or a stock.
_NAMES_WITHIN = ("url", "src", "href", "link", "name", "title", "label", "available", "quantity")

Fits = Callable[[Any], bool]

_URL = re.compile(r"(https?:)?//\S+|/\S*")
_IMAGE_URL = re.compile(r"(https?:)?//\S+")
_GTIN = re.compile(r"\d{8}|\d{12,14}")
_PLACES_OF_OTHERS = frozenset(
    "seller shop store vendor category categories brand review reviews user author api self related".split()
)


def guess_extra(samples: Samples) -> dict[str, str]:
    """Return paths by the name of the field, for those that the records have."""
    found = {name: _first(samples, keys, fits) for name, (keys, fits) in _WANTED.items()}
    return {name: path for name, path in found.items() if path is not None}


def _first(samples: Samples, keys: Sequence[str], fits: Fits) -> str | None:
    """Return the path of the first key, in the order of the keys, at which most records have a value that fits."""
    ranked = sorted(
        (at for at in samples.paths if _name(at) in keys and _may_be_there(at, fits)),
        key=lambda at: (at.through_list, len(at.keys), keys.index(_name(at))),
    )
    for at in ranked:
        inner = {each.keys[-1]: each for each in samples.paths if each.above in (f"{at.path}.", f"{at.path}[].")}
        for each in (at, *(inner[name] for name in _NAMES_WITHIN if name in inner)):
            values = samples.present(each.path)
            if values and all(fits(first_of(value)) for value in values):
                return f"{each.path} | [0]" if isinstance(values[0], list) else each.path
    return None


def _name(at: SamplePath) -> str:
    return "".join(at.last_words)


def _may_be_there(at: SamplePath, fits: Fits) -> bool:
    """Return True unless the objects around a value show that it belongs to something else than the product."""
    above = {word for key in at.keys[:-1] for word in words_of(key)}
    return not above & (_PLACES_OF_OTHERS | (_PICTURES if fits is _is_link else frozenset()))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and not _IMAGE_URL.match(value)


def _is_link(value: Any) -> bool:
    return isinstance(value, str) and _URL.fullmatch(value) is not None


def _is_picture(value: Any) -> bool:
    return isinstance(value, str) and _IMAGE_URL.fullmatch(value) is not None


def _is_gtin(value: Any) -> bool:
    return _GTIN.fullmatch(str(value)) is not None


def _is_stock(value: Any) -> bool:
    return isinstance(value, bool | int) or (isinstance(value, str) and bool(value.strip()))


_WANTED: Mapping[str, tuple[Sequence[str], Fits]] = {
    "url": (("producturl", "permalink", "url", "link", "href", "productlink", "canonicalurl", "weburl"), _is_link),
    "image": (
        ("image", "imageurl", "imagelink", "mainimage", "thumbnail", "thumbnailurl", "picture", "photo", "images"),
        _is_picture,
    ),
    "gtin": (("gtin", "ean", "barcode", "upc", "isbn"), _is_gtin),
    "brand": (("brand", "brandname", "manufacturer", "vendor"), _is_text),
    "stock": (
        (
            *("stock", "stockquantity", "quantity", "inventory", "inventoryquantity", "availablequantity"),
            *("instock", "availability", "stocklevel"),
        ),
        _is_stock,
    ),
}
