"""The statements of a page: about the next page, and about the size of the catalogue."""

from pipeline.config.source import Paging
from pipeline.fetch.content.envelope import MISSING
from pipeline.fetch.content.response import Response
from pipeline.fetch.content.signs import announced_by, flag_at, names_page
from pipeline.fetch.paging.ends import NextPage, Walked
from pipeline.model.pages import AnnouncedTotals, Signs

# A larger announcement is not believed: each missing page would be listed.
MOST_LISTED_PAGES = 100_000


def next_page(response: Response, signs: Signs, walked: Walked) -> NextPage:
    """Return a page's statement about the next one; ``walked`` includes the page.

    A link to the page itself is an end, and so is an explicit null unless more is announced. A missing link is an end
    if earlier pages had one.
    """
    named = _named(response, signs)
    if isinstance(named, str) and response.absolute(named) == response.url:
        return NextPage.ENDED
    if names_page(named):
        return NextPage.NAMED
    if _flag(response, signs.more) is False or _flag(response, signs.last) is True:
        return NextPage.ENDED
    if signs.next is not None and (walked.had_next or (named is not MISSING and not walked.announces_more)):
        return NextPage.ENDED
    says_more = _flag(response, signs.more) is True or _flag(response, signs.last) is False
    return NextPage.NAMED if says_more else NextPage.SILENT


def _named(response: Response, signs: Signs) -> object:
    if signs.next is None:
        return MISSING
    if signs.next == "header:link":
        return response.next_link or MISSING
    return response.envelope.value(signs.next, MISSING)


def _flag(response: Response, place: str | None) -> bool | None:
    return None if place is None else flag_at(place, response)


def described(paging: Paging, found: Signs) -> Signs:
    """Return the signs with the places that the configuration gives instead of those that were found."""
    return Signs(
        next=found.next,
        more=paging.has_more or found.more,
        last=found.last,
        total=paging.total or found.total,
        pages=paging.total_pages or found.pages,
    )


def keep_announced(walked: Walked, response: Response, signs: Signs) -> None:
    """Keep the latest totals; a response without them leaves the earlier ones."""
    latest = announced_by(response, signs)
    walked.announced = AnnouncedTotals(
        records=walked.announced.records if latest.records is None else latest.records,
        pages=walked.announced.pages if latest.pages is None else latest.pages,
    )


def announced_pages(walked: Walked, size: int | None) -> int | None:
    """Return the number of pages that the announced totals amount to, None without any that counts."""
    if not walked.announces:
        return None
    records, pages = walked.announced.records, walked.announced.pages
    if pages is None and records is not None and size:
        pages = -(-records // size)
    return pages


def pages_up_to(page: int, end: int | None, announced: int | None) -> range | None:
    """Return the pages from ``page`` up to the end or a credible announcement, None without either."""
    if end is None and announced is not None and page <= announced <= MOST_LISTED_PAGES:
        end = announced + 1
    return None if end is None else range(page, end)
