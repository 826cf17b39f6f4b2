"""What the APIs of WordPress have in common."""

from starlette.requests import Request

from mockapi.api import Window


def page_headers(request: Request, window: Window, total: int, pages: int) -> dict[str, str]:
    """How many records and pages there are, and the pages before and behind in ``Link`` (RFC 8288)."""
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}
    near = {"prev": min(window.page - 1, pages), "next": window.page + 1}
    links = [
        f'<{request.url.include_query_params(page=page)}>; rel="{rel}"'
        for rel, page in near.items()
        if 1 <= page <= pages
    ]
    return {**headers, "Link": ", ".join(links)} if links else headers


def categories(name: str) -> list[dict[str, object]]:
    """The categories of a product, given the first one's name in HTML; none where that is empty."""
    if not name:
        return []
    return [{"id": 36, "name": name, "slug": "first"}, {"id": 41, "name": "Everything", "slug": "everything"}]
