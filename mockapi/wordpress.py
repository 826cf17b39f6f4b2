"""Common parts of the WordPress APIs."""

from starlette.requests import Request

from mockapi.api import Window


def page_headers(request: Request, window: Window, total: int, pages: int) -> dict[str, str]:
    """Return the number of records and pages, and a ``Link`` (RFC 8288) to the previous and next page."""
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}
    near = {"prev": min(window.page - 1, pages), "next": window.page + 1}
    links = [
        f'<{request.url.include_query_params(page=page)}>; rel="{rel}"'
        for rel, page in near.items()
        if 1 <= page <= pages
    ]
    return {**headers, "Link": ", ".join(links)} if links else headers


def categories(name: str) -> list[dict[str, object]]:
    """Return the categories of a product, given the first one's name in HTML; none if the name is empty."""
    if not name:
        return []
    return [{"id": 36, "name": name, "slug": "first"}, {"id": 41, "name": "Everything", "slug": "everything"}]
