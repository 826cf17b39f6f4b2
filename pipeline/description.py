"""How an API is described: the sections of an endpoint that say what it is like, rather than how to treat it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from pipeline.errors import ConfigError, Problem
from pipeline.section import Section, Word

Text = Annotated[str, Meta(min_length=1)]


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
        if problems:
            raise ConfigError(problems)


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
