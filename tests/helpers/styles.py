"""Every paging style, with a server that speaks it."""

from collections.abc import Mapping
from typing import Any

import httpx

from helpers.shops import (
    Query,
    Server,
    at_once,
    by_cursor,
    by_header,
    by_last_id,
    by_link_header,
    by_next_url,
    by_offset,
    by_page,
    by_page_from_zero,
    by_page_token,
    by_stuck_cursor,
    part,
)
from helpers.support import ok
from pipeline.config.source import Paging, PagingStyle

AUTO = Paging()


def by_unusable_link(query: Query, items: list[Any], size: int) -> httpx.Response:
    """Answer by URL; the link of page 2 is none."""
    if "after_item" in query:
        return ok({"items": part(items, 2, size), "paging": {"next": "ftp://shop.test/3"}})
    return by_next_url(query, items, size)


def by_looping_page(query: Query, items: list[Any], size: int) -> httpx.Response:
    """Answer by page; page 5 is page 2 again, and so are all after it."""
    number = int(query.get("page", 1))
    return ok(part(items, (number - 1 if number < 5 else 1) * size, size))


STYLES: Mapping[str, tuple[Server, Paging]] = {
    "page": (by_page, Paging(style=PagingStyle.PAGE)),
    "page that repeats": (by_looping_page, Paging(style=PagingStyle.PAGE)),
    "offset": (by_offset, Paging(style=PagingStyle.OFFSET, parameter="skip")),
    "cursor": (by_cursor, Paging(style=PagingStyle.CURSOR)),
    "cursor in a header": (
        by_header,
        Paging(style=PagingStyle.CURSOR, path="header:X-Next-Token", has_more="header:X-More", parameter="token"),
    ),
    "cursor of itself": (by_stuck_cursor, Paging(style=PagingStyle.CURSOR)),
    "next_url": (by_next_url, Paging(style=PagingStyle.NEXT_URL)),
    "link_header": (by_link_header, Paging(style=PagingStyle.LINK_HEADER)),
    "last_id": (by_last_id, Paging(style=PagingStyle.LAST_ID)),
    "none": (at_once, Paging(style=PagingStyle.NONE)),
    **{
        f"auto {server.__name__}": (server, AUTO)
        for server in (by_page, by_page_from_zero, by_offset, by_cursor, by_page_token, by_next_url, by_link_header)
    },
}
