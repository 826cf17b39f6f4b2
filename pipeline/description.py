"""How an API is described: the sections of an endpoint that say what it is like, rather than how to treat it."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Self

import msgspec
from msgspec import Meta

from pipeline.currency import CODES
from pipeline.errors import ConfigError, Problem
from pipeline.paths import complaint_about_path, complaint_about_template, is_dotted
from pipeline.section import Section, Word

Text = Annotated[str, Meta(min_length=1)]
Path = Annotated[str, Meta(min_length=1)]


class PagingStyle(Word):
    """How an API is walked; AUTO finds out from its first response."""

    AUTO = "auto"
    NONE = "none"
    PAGE = "page"
    OFFSET = "offset"
    CURSOR = "cursor"
    NEXT_URL = "next_url"
    LINK_HEADER = "link_header"
    LAST_ID = "last_id"


class Paging(Section, frozen=True):
    """How to ask for one page after the other. A style alone may be written as a text: ``paging: offset``.

    ``parameter`` is the query parameter that says which page (its number, offset, cursor or last id), ``start`` its
    first value for numbers and offsets. ``size_parameter`` asks for ``size`` records a page. ``path`` is where the body
    has the next cursor or URL, ``has_more`` a flag that says whether there is one. ``total`` and ``total_pages`` are
    where it has the number of records or pages (``header:NAME``: a header), beyond which nothing is asked;
    ``short_page_ends`` takes a page of fewer than ``size`` records for the last one.

    Raises:
        ConfigError: when a key means nothing in this style, or one is missing.
    """

    shorthand: ClassVar[str | None] = "style"

    style: PagingStyle = PagingStyle.AUTO
    parameter: Text | None = None
    start: Annotated[int, Meta(ge=0)] | None = None
    size_parameter: Text | None = None
    size: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    path: Text | None = None
    has_more: Text | None = None
    total: Text | None = None
    total_pages: Text | None = None
    short_page_ends: bool = False

    def __post_init__(self) -> None:
        means_something = {"style", "size_parameter", "size", *_PAGING_KEYS[self.style]}
        problems = [
            Problem(key, f"means nothing with `style: {self.style.value}`")
            for key in self.__struct_fields__
            if key not in means_something and getattr(self, key) not in (None, False)
        ]
        for key, needed in (("size_parameter", "size"), ("short_page_ends", "size")):
            if getattr(self, key) and not getattr(self, needed):
                problems.append(Problem(key, f"needs `{needed}`, too"))
        for key in ("path", "has_more", "total", "total_pages"):
            place = getattr(self, key)
            if place and not place.startswith("header:") and not is_dotted(place):
                problems.append(Problem(key, f"{place!r} is no dotted path, as in meta.next"))
        if problems:
            raise ConfigError(problems)

    def beneath(self, keys: Mapping[str, object]) -> Self:
        """Another style has keys of its own."""
        return self if keys.get("style", self.style) is self.style else type(self)()


_NUMBERED_KEYS = ("parameter", "start", "total", "total_pages", "short_page_ends")
_PAGING_KEYS: Mapping[PagingStyle, Sequence[str]] = {
    PagingStyle.AUTO: (),
    PagingStyle.NONE: (),
    PagingStyle.PAGE: _NUMBERED_KEYS,
    PagingStyle.OFFSET: _NUMBERED_KEYS,
    PagingStyle.CURSOR: ("parameter", "path", "has_more"),
    PagingStyle.NEXT_URL: ("path",),
    PagingStyle.LINK_HEADER: (),
    PagingStyle.LAST_ID: ("parameter", "has_more"),
}


def _problems_of_paths(**paths: str | None) -> list[Problem]:
    complaints = {key: complaint_about_path(path) for key, path in paths.items() if path is not None}
    return [Problem(key, text) for key, text in complaints.items() if text]


class PriceKind(Word):
    """How a price is written; AUTO reads numbers, texts and objects by the rules in the README."""

    AUTO = "auto"
    DECIMAL = "decimal"
    MINOR = "minor"
    TEXT = "text"


class PricePick(Word):
    """Which of several prices is the product's."""

    FIRST = "first"
    MIN = "min"
    MAX = "max"


class Price(Section, frozen=True):
    """Where a record's price is, and how it is written. The path alone may be written as a text: ``price: cost.net``.

    ``kind`` decimal takes plain numbers alone, with a point; minor takes whole numbers of the smallest unit, of which
    ``exponent`` (a number, a path, or ``iso4217``: by the currency) says how many digits are decimals; text takes what
    people write, with ``decimal_separator`` as its decimal mark. ``pick`` says which of several prices it is,
    ``divisor`` is a path to what it is divided by, ``quantize`` the number of decimals it is rounded to, half up.

    Raises:
        ConfigError: when a key means nothing with this kind, or a path is none.
    """

    shorthand: ClassVar[str | None] = "path"

    path: Path | None = None
    kind: PriceKind = PriceKind.AUTO
    exponent: Annotated[int, Meta(ge=0, le=18)] | Path = "iso4217"
    divisor: Path | None = None
    decimal_separator: Annotated[str, Meta(pattern=r"^[.,]\Z")] | None = None
    pick: PricePick = PricePick.FIRST
    quantize: Annotated[int, Meta(ge=0, le=18)] | None = None

    def __post_init__(self) -> None:
        problems = _problems_of_paths(path=self.path, divisor=self.divisor)
        if isinstance(self.exponent, str):
            problems += _problems_of_paths(exponent=self.exponent)
        if self.exponent != "iso4217" and self.kind is not PriceKind.MINOR:
            problems.append(Problem("exponent", "means nothing without `kind: minor`"))
        if self.decimal_separator and self.kind is not PriceKind.TEXT:
            problems.append(Problem("decimal_separator", "means nothing without `kind: text`"))
        if problems:
            raise ConfigError(problems)

    def beneath(self, keys: Mapping[str, object]) -> Self:
        """How one kind is written says nothing of another."""
        if keys.get("kind", self.kind) is self.kind:
            return self
        return msgspec.structs.replace(self, kind=PriceKind.AUTO, exponent="iso4217", decimal_separator=None)


_CODE_RULE = "Expected an ISO 4217 code such as EUR"


class Currency(Section, frozen=True):
    """Where a record's currency is, or which one all of them have. The path alone may be written as a text.

    Raises:
        ConfigError: when both are given, or ``const`` is no code of ISO 4217.
    """

    shorthand: ClassVar[str | None] = "path"

    path: Path | None = None
    const: Annotated[str, Meta(pattern=r"^[A-Za-z]{3}\Z", description=_CODE_RULE)] | None = None

    def __post_init__(self) -> None:
        problems = _problems_of_paths(path=self.path)
        if self.const and self.const.upper() not in CODES:
            problems.append(Problem("const", f"{self.const!r} is no code of ISO 4217 that is in use"))
        if self.path and self.const:
            problems.append(Problem("const", "means nothing beside `path`"))
        if problems:
            raise ConfigError(problems)

    def beneath(self, keys: Mapping[str, object]) -> Self:
        """A path and a constant replace each other."""
        return type(self)() if keys else self


class Fields(Section, frozen=True):
    """Where a record has what a product is made of: paths, dotted or JMESPath; what is not named is found by itself.

    ``id`` may also be a template of paths in braces. ``extra`` names further fields that products are to have.
    ``null_values`` are texts that say that there is nothing.

    Raises:
        ConfigError: when a path is none.
    """

    id: Path | None = None
    title: Path | None = None
    category: Path | None = None
    price: Price = Price()
    currency: Currency = Currency()
    extra: Mapping[str, str] = {}
    null_values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = _problems_of_paths(title=self.title, category=self.category)
        if self.id is not None and (complaint := complaint_about_template(self.id)):
            problems.append(Problem("id", complaint))
        problems += _problems_of_paths(**{f"extra.{name}": path for name, path in self.extra.items()})
        if problems:
            raise ConfigError(problems)

    def within(self, explode: str) -> Self:
        """The same for the elements of the list at ``explode``: what led to all or one of them leads to the variant."""

        def variant(path: str | None) -> str | None:
            return path and re.sub(rf"^{re.escape(explode)}\[\d*\]\.", "variant.", path)

        return msgspec.structs.replace(
            self,
            price=msgspec.structs.replace(self.price, path=variant(self.price.path)),
            currency=msgspec.structs.replace(self.currency, path=variant(self.currency.path)),
        )


NO_FIELDS = Fields()
