"""How an API is described: the sections of an endpoint that say what it is like, rather than how to treat it."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Self

import msgspec
from msgspec import Meta

from pipeline.config.section import RULE, Section, Word
from pipeline.currency import CODES
from pipeline.errors import ConfigError, Problem
from pipeline.record_paths import is_dotted, path_error, template_error

NonEmpty = Annotated[str, Meta(min_length=1)]
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
    """How it is paged: a style, or its keys; see "Paging" in DESCRIBE.md.

    A style alone may be written as a text: ``paging: offset``.

    Raises:
        ConfigError: when a key means nothing in this style, or one is missing.
    """

    shorthand: ClassVar[str | None] = "style"

    style: Annotated[PagingStyle, Meta(description="how it is walked")] = PagingStyle.AUTO
    parameter: Annotated[
        NonEmpty | None, Meta(description="query parameter that says which page: its number, offset, cursor or last id")
    ] = None
    start: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="the first number or offset")] = None
    size_parameter: Annotated[
        NonEmpty | None, Meta(description="query parameter that asks for `size` records a page")
    ] = None
    size: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None, Meta(description="how many records a page are asked for")
    ] = None
    path: Annotated[NonEmpty | None, Meta(description="where the body has the next cursor or URL")] = None
    has_more: Annotated[NonEmpty | None, Meta(description="where it has a flag that says whether there is more")] = None
    total: Annotated[
        NonEmpty | None, Meta(description="where it has the number of records, beyond which nothing is asked")
    ] = None
    total_pages: Annotated[
        NonEmpty | None, Meta(description="where it has the number of pages, beyond which nothing is asked")
    ] = None
    short_page_ends: Annotated[
        bool, Meta(description="whether a page of fewer than `size` records is the last one")
    ] = False

    def __post_init__(self) -> None:
        means_something = {"style", "size_parameter", "size", *PAGING_KEYS[self.style]}
        problems = [
            Problem(key, f"means nothing with `style: {self.style.value}`; {_styles_with(key)}")
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

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """Another style has keys of its own."""
        return self if keys.get("style", self.style) is self.style else type(self)()


_NUMBERED_KEYS = ("parameter", "start", "total", "total_pages", "short_page_ends")
# What means something in one style and not in another.
PAGING_KEYS: Mapping[PagingStyle, Sequence[str]] = {
    PagingStyle.AUTO: (),
    PagingStyle.NONE: (),
    PagingStyle.PAGE: _NUMBERED_KEYS,
    PagingStyle.OFFSET: _NUMBERED_KEYS,
    PagingStyle.CURSOR: ("parameter", "path", "has_more"),
    PagingStyle.NEXT_URL: ("path",),
    PagingStyle.LINK_HEADER: (),
    PagingStyle.LAST_ID: ("parameter", "has_more"),
}


def _styles_with(key: str) -> str:
    return f"it goes with {', '.join(style.value for style, keys in PAGING_KEYS.items() if key in keys)}"


def _problems_of_paths(**paths: str | None) -> list[Problem]:
    complaints = {key: path_error(path) for key, path in paths.items() if path is not None}
    return [Problem(key, text) for key, text in complaints.items() if text]


class PriceKind(Word):
    """How a price is written."""

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
    """Where a record's price is, and how it is written: a path, or keys.

    The path alone may be written as a text: ``price: cost.net``.

    Raises:
        ConfigError: when a key means nothing with this kind, or a path is none.
    """

    shorthand: ClassVar[str | None] = "path"

    path: Annotated[Path | None, Meta(description="where it is; it may lead to several")] = None
    kind: Annotated[
        PriceKind,
        Meta(
            description="`auto` reads numbers, texts and objects; `decimal` takes plain numbers with a point alone; "
            "`minor` whole numbers of the smallest unit, for which the currency or `exponent` has to be known; `text` "
            "what people write"
        ),
    ] = PriceKind.AUTO
    exponent: Annotated[
        Annotated[int, Meta(ge=0, le=18)] | Path,
        Meta(
            description="with `minor`: how many of its digits are decimals: a number, a path, or `iso4217`, by the "
            "currency"
        ),
    ] = "iso4217"
    divisor: Annotated[Path | None, Meta(description="a path to what it is divided by")] = None
    decimal_separator: Annotated[
        Annotated[str, Meta(pattern=r"^[.,]\Z", extra={RULE: "Expected `,` or `.`"})] | None,
        Meta(description="with `text`: `,` or `.`, so that `1.299` is 1299 for certain"),
    ] = None
    pick: Annotated[PricePick, Meta(description="which of several it is")] = PricePick.FIRST
    quantize: Annotated[
        Annotated[int, Meta(ge=0, le=18)] | None,
        Meta(description="the number of decimals that it is rounded to, half up"),
    ] = None

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

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """How one kind is written says nothing of another."""
        if keys.get("kind", self.kind) is self.kind:
            return self
        return msgspec.structs.replace(self, kind=PriceKind.AUTO, exponent="iso4217", decimal_separator=None)


_CODE_RULE = "Expected an ISO 4217 code such as EUR"


class Currency(Section, frozen=True):
    """Where a record's currency is, or which one all of them have: a path, or a key.

    The path alone may be written as a text.

    Raises:
        ConfigError: when both are given, or ``const`` is no code of ISO 4217.
    """

    shorthand: ClassVar[str | None] = "path"

    path: Annotated[Path | None, Meta(description="where it is")] = None
    const: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z]{3}\Z", extra={RULE: _CODE_RULE})] | None,
        Meta(description="the currency of all prices, as in `EUR` (ISO 4217)"),
    ] = None

    def __post_init__(self) -> None:
        problems = _problems_of_paths(path=self.path)
        if self.const and self.const.upper() not in CODES:
            problems.append(Problem("const", f"{self.const!r} is no code of ISO 4217 that is in use, as EUR is"))
        if self.path and self.const:
            problems.append(Problem("const", "means nothing beside `path`; keep one of both"))
        if problems:
            raise ConfigError(problems)

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """A path and a constant replace each other."""
        return type(self)() if keys else self


class Fields(Section, frozen=True):
    """Where its fields are, where that is not obvious; see "Fields and money" in DESCRIBE.md.

    They are paths, dotted or JMESPath. What is not named is found by itself.

    Raises:
        ConfigError: when a path is none.
    """

    id: Annotated[
        Path | None, Meta(description="what tells it from the others; also a template of paths in braces")
    ] = None
    title: Annotated[Path | None, Meta(description="what it is called")] = None
    category: Annotated[Path | None, Meta(description="what it is filed under")] = None
    price: Price = Price()
    currency: Currency = Currency()
    extra: Annotated[
        Mapping[str, str], Meta(description="further fields, in `extra` of each product: a path for each name")
    ] = {}
    null_values: Annotated[tuple[str, ...], Meta(description="texts that say that there is nothing")] = ()

    def __post_init__(self) -> None:
        problems = _problems_of_paths(title=self.title, category=self.category)
        if self.id is not None and (complaint := template_error(self.id)):
            problems.append(Problem("id", complaint))
        problems += _problems_of_paths(**{f"extra.{name}": path for name, path in self.extra.items()})
        if problems:
            raise ConfigError(problems)

    def for_variants(self, explode: str) -> Self:
        """The same for the elements of the list at ``explode``: what led to all or one of them leads to the variant."""

        def variant(path: str | None) -> str | None:
            return path and re.sub(rf"^{re.escape(explode)}\[\d*\]\.", "variant.", path)

        return msgspec.structs.replace(
            self,
            price=msgspec.structs.replace(self.price, path=variant(self.price.path)),
            currency=msgspec.structs.replace(self.currency, path=variant(self.currency.path)),
        )


NO_FIELDS = Fields()
