"""The sections of an endpoint that describe its API: paging, and the fields of a record."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Self

import msgspec
from msgspec import Meta

from pipeline.config.currency import CODES
from pipeline.config.record_paths import IN_BODY, is_dotted, path_error, template_error, template_paths
from pipeline.config.section import RULE, Section, Word
from pipeline.errors import ConfigError, Problem

NonEmpty = Annotated[str, Meta(min_length=1)]
Path = Annotated[str, Meta(min_length=1)]

# The end of a path to the link of a relation in a list of links: `links[next]`.
_RELATION = re.compile(r"\[[A-Za-z][\w-]*\]$")

_NUMBERED_KEYS = ("parameter", "into", "start", "total", "total_pages", "short_page_ends")


class PagingStyle(Word):
    """The ways to find the next page; AUTO detects one from the first response.

    Each has its name and the keys that belong to it, apart from those that belong to all. Its class is in
    ``pipeline/fetch/paging/styles.py``; see docs/EXTENDING.md.
    """

    keys: tuple[str, ...]

    AUTO = "auto", ()
    NONE = "none", ()
    PAGE = "page", _NUMBERED_KEYS
    OFFSET = "offset", _NUMBERED_KEYS
    CURSOR = "cursor", ("parameter", "into", "template", "path", "has_more")
    NEXT_URL = "next_url", ("path",)
    LINK_HEADER = "link_header", ()
    LAST_ID = "last_id", ("parameter", "into", "template", "has_more")

    def __new__(cls, name: str, keys: tuple[str, ...]) -> Self:
        """Make a member whose value is its name."""
        member = object.__new__(cls)
        member._value_ = name
        member.keys = keys
        return member


class Paging(Section, frozen=True):
    """Paging style, alone or with its keys; see "Paging" in docs/DESCRIBE.md.

    A style alone may be written as text: ``paging: offset``.

    Raises:
        ConfigError: if a key does not belong to the style, or a required one is missing.
    """

    shorthand: ClassVar[str | None] = "style"

    style: Annotated[PagingStyle, Meta(description="paging style")] = PagingStyle.AUTO
    parameter: Annotated[
        NonEmpty | None,
        Meta(description="query parameter that selects the page: its number, offset, cursor or last id"),
    ] = None
    into: Annotated[
        NonEmpty | None,
        Meta(
            description="place of the same value, instead of `parameter`: `query.NAME`, `json.PATH` or `form.NAME`",
            examples=["json.variables.after"],
        ),
    ] = None
    template: Annotated[
        Annotated[str, Meta(pattern=r"\{\}", extra={RULE: "Expected a text with `{}` in it"})] | None,
        Meta(description="text around the cursor or id, which replaces `{}`", examples=['id > "{}"']),
    ] = None
    start: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="the first number or offset")] = None
    size_parameter: Annotated[
        NonEmpty | None, Meta(description="query parameter for the page size, sent with `size`")
    ] = None
    size_into: Annotated[NonEmpty | None, Meta(description="place for the page size, instead of `size_parameter`")] = (
        None
    )
    size: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None, Meta(description="requested number of records per page")
    ] = None
    path: Annotated[
        NonEmpty | None,
        Meta(
            description="path of the next cursor or URL in the body, or `header:NAME`; `links[next]` is the link whose "
            "`rel` is `next`"
        ),
    ] = None
    has_more: Annotated[
        NonEmpty | None, Meta(description="path of a flag that is true if more pages follow, or `header:NAME`")
    ] = None
    total: Annotated[
        NonEmpty | None, Meta(description="path of the total number of records, beyond which no page is requested")
    ] = None
    total_pages: Annotated[
        NonEmpty | None, Meta(description="path of the total number of pages, beyond which no page is requested")
    ] = None
    total_is_estimate: Annotated[
        bool, Meta(description="the announced total is an estimate: it does not decide whether everything came")
    ] = False
    short_page_ends: Annotated[bool, Meta(description="a page of fewer than `size` records is the last one")] = False

    def __post_init__(self) -> None:
        if not isinstance(self.style, PagingStyle):  # a library user may write the name
            msgspec.structs.force_setattr(self, "style", _style_named(self.style))
        known = {"style", "size_parameter", "size_into", "size", "total_is_estimate", *self.style.keys}
        problems = [
            Problem(key, f"cannot be used with `style: {self.style.value}`; {_styles_with(key)}")
            for key in self.__struct_fields__
            if key not in known and getattr(self, key) not in (None, False)
        ]
        problems += [
            Problem(key, "also needs `size`")
            for key in ("size_parameter", "size_into", "short_page_ends")
            if getattr(self, key) and not self.size
        ]
        problems += [
            Problem(key, f"conflicts with `{other}`; keep one of them")
            for key, other in (("into", "parameter"), ("size_into", "size_parameter"))
            if getattr(self, key) and getattr(self, other)
        ]
        for key in ("path", "has_more", "total", "total_pages"):
            place = getattr(self, key)
            if place and not place.startswith("header:") and not is_dotted(_RELATION.sub("", place)):
                problems.append(Problem(key, f"{place!r} is not a dotted path (example: meta.next)"))
        if problems:
            raise ConfigError(problems)

    @property
    def places(self) -> Mapping[str, str]:
        """The places in a request that the keys name: ``query.NAME``, ``json.PATH`` or ``form.NAME``."""
        return {key: place for key in ("into", "size_into") if (place := getattr(self, key))}

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """Drop all keys if a user gives another style, since each style has its own."""
        return self if keys.get("style", self.style) is self.style else type(self)()


def _styles_with(key: str) -> str:
    return f"it belongs to {', '.join(style.value for style in PagingStyle if key in style.keys)}"


def _style_named(name: str) -> PagingStyle:
    style = next((style for style in PagingStyle if style.value == name), None)
    if style is None:
        text = f"{name!r} is not a paging style; expected one of {', '.join(style.value for style in PagingStyle)}"
        raise ConfigError([Problem("style", text)])
    return style


def _problems_of_paths(**paths: str | None) -> list[Problem]:
    errors = {key: path_error(path) for key, path in paths.items() if path is not None}
    return [Problem(key, error) for key, error in errors.items() if error]


class PriceKind(Word):
    """The ways to write a price."""

    AUTO = "auto"
    DECIMAL = "decimal"
    MINOR = "minor"
    TEXT = "text"


class PricePick(Word):
    """The choice among several prices of a record."""

    FIRST = "first"
    MIN = "min"
    MAX = "max"


class Price(Section, frozen=True):
    """Price of a record: a path, or keys for its notation.

    The path alone may be written as text: ``price: cost.net``.

    Raises:
        ConfigError: if a key does not belong to the kind, or a path is not valid.
    """

    shorthand: ClassVar[str | None] = "path"

    path: Annotated[Path | None, Meta(description="path of the price; it may lead to several")] = None
    kind: Annotated[
        PriceKind,
        Meta(
            description="`auto` reads numbers, texts and objects; `decimal` only plain numbers with a decimal point; "
            "`minor` whole numbers of the smallest unit, which needs the currency or `exponent`; `text` prices "
            "written for people"
        ),
    ] = PriceKind.AUTO
    exponent: Annotated[
        Annotated[int, Meta(ge=0, le=18)] | Path,
        Meta(description="with `minor`: number of decimals: a number, a path, or `iso4217` for that of the currency"),
    ] = "iso4217"
    divisor: Annotated[Path | None, Meta(description="path of a number by which the price is divided")] = None
    decimal_separator: Annotated[
        Annotated[str, Meta(pattern=r"^[.,]\Z", extra={RULE: "Expected `,` or `.`"})] | None,
        Meta(description="with `text`: `,` or `.`, so that `1.299` is unambiguous"),
    ] = None
    pick: Annotated[PricePick, Meta(description="which of several prices is used")] = PricePick.FIRST
    quantize: Annotated[
        Annotated[int, Meta(ge=0, le=18)] | None,
        Meta(description="number of decimals to round to, half up"),
    ] = None

    def __post_init__(self) -> None:
        problems = _problems_of_paths(path=self.path, divisor=self.divisor)
        if isinstance(self.exponent, str):
            problems += _problems_of_paths(exponent=self.exponent)
        if self.exponent != "iso4217" and self.kind is not PriceKind.MINOR:
            problems.append(Problem("exponent", "can only be used with `kind: minor`"))
        if self.decimal_separator and self.kind is not PriceKind.TEXT:
            problems.append(Problem("decimal_separator", "can only be used with `kind: text`"))
        if problems:
            raise ConfigError(problems)

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """Drop the notation if a user gives another kind."""
        if keys.get("kind", self.kind) is self.kind:
            return self
        return msgspec.structs.replace(self, kind=PriceKind.AUTO, exponent="iso4217", decimal_separator=None)


_CODE_RULE = "Expected an ISO 4217 code such as EUR"


class Currency(Section, frozen=True):
    """Currency of a record: a path, or the code that all records share.

    The path alone may be written as text.

    Raises:
        ConfigError: if both are given, or ``const`` is not a code of ISO 4217.
    """

    shorthand: ClassVar[str | None] = "path"

    path: Annotated[Path | None, Meta(description="path of the currency")] = None
    const: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z]{3}\Z", extra={RULE: _CODE_RULE})] | None,
        Meta(description="currency of all prices, such as `EUR` (ISO 4217)"),
    ] = None

    def __post_init__(self) -> None:
        problems = _problems_of_paths(path=self.path)
        if self.const and self.const.upper() not in CODES:
            problems.append(Problem("const", f"{self.const!r} is not an active code of ISO 4217 (example: EUR)"))
        if self.path and self.const:
            problems.append(Problem("const", "conflicts with `path`; keep one of them"))
        if problems:
            raise ConfigError(problems)

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """Drop both keys if a user gives one, since a path and a constant replace each other."""
        return type(self)() if keys else self


class Fields(Section, frozen=True):
    """Paths of a product's fields, if they are not detected; see "Fields and money" in docs/DESCRIBE.md.

    They are dotted paths or JMESPath. Fields without a path are looked up under their usual names.

    Raises:
        ConfigError: if a path is not valid.
    """

    id: Annotated[Path | None, Meta(description="path of the unique id; also a template of paths in braces")] = None
    title: Annotated[Path | None, Meta(description="path of the title")] = None
    category: Annotated[Path | None, Meta(description="path of the category")] = None
    price: Price = Price()
    currency: Currency = Currency()
    extra: Annotated[
        Mapping[str, str], Meta(description="further fields, for `extra` of each product: a path for each name")
    ] = {}
    null_values: Annotated[
        tuple[str, ...], Meta(description="texts that stand for no value; in `a || b` they lead to `b`")
    ] = ()

    def __post_init__(self) -> None:
        problems = _problems_of_paths(title=self.title, category=self.category)
        if self.id is not None and (error := template_error(self.id)):
            problems.append(Problem("id", error))
        problems += _problems_of_paths(**{f"extra.{name}": path for name, path in self.extra.items()})
        if problems:
            raise ConfigError(problems)

    @property
    def paths(self) -> Sequence[str]:
        """All described paths, those of the template of the id among them."""
        exponent = self.price.exponent if isinstance(self.price.exponent, str) else None
        own = (self.title, self.category, self.price.path, self.price.divisor, exponent, self.currency.path)
        return [path for path in (*template_paths(self.id or ""), *own, *self.extra.values()) if path]

    @property
    def body_paths(self) -> frozenset[str]:
        """The paths that lead into the whole body: ``$body.shop.currency``."""
        return frozenset(path for path in self.paths if path.startswith(IN_BODY))

    def for_variants(self, explode: str) -> Self:
        """Return the fields for variants, the elements of the list at ``explode``.

        Paths to all elements, or to one of them, become paths in the variant.
        """

        def variant(path: str | None) -> str | None:
            return path and re.sub(rf"^{re.escape(explode.removesuffix('[]'))}\[\d*\]\.", "variant.", path)

        return msgspec.structs.replace(
            self,
            price=msgspec.structs.replace(self.price, path=variant(self.price.path)),
            currency=msgspec.structs.replace(self.currency, path=variant(self.currency.path)),
        )


NO_FIELDS = Fields()
