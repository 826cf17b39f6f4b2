"""Log lines of one endpoint: what happened, with where and how long as fields."""

from loguru import logger

from pipeline.description import Paging
from pipeline.errors import FetchError, UnreachableError


class EndpointLog:
    """Says what happens on one endpoint's walk. ``remedy`` is what to do when nothing listens there, told once."""

    def __init__(self, name: str, remedy: str) -> None:
        self._log = logger.bind(endpoint=name)
        self._remedy = remedy
        self._told_unreachable = False

    def arrived(self, page: int, attempt: int, status: int, elapsed: float, records: int) -> None:
        """A page came."""
        self._log.bind(page=page, attempt=attempt, status=status, elapsed=elapsed).debug("{} records", records)

    def failed(self, error: FetchError, page: int, text: str) -> None:
        """An attempt at a page, or the walk itself, met an error; ``text`` says what follows from it."""
        log = self._log.bind(page=error.page or page, attempt=error.attempt, status=error.code, elapsed=error.elapsed)
        if isinstance(error, UnreachableError) and not self._told_unreachable:
            self._told_unreachable = True
            log.error("{}; {}", text, self._remedy)
        else:
            log.warning("{}", text)

    def ended(self, pages: int, missing: str) -> None:
        """The walk came to the endpoint's end; ``missing`` lists the pages that did not come, if any."""
        if missing:
            self._log.warning("pages fetched: {}, missing: {}", pages, missing)
        elif pages:
            self._log.info("all pages fetched: {}", pages)
        else:
            self._log.warning("the first page is empty, there is nothing at all; is the url right?")

    def one_page(self, path: str | None) -> None:
        """A walk that follows what stands at a path, or in a usual place, has ended with its first page."""
        remedy = f"is `paging.path: {path}` right?" if path else "say with `paging.path` where it stands"
        self._log.warning("nothing follows the first page; if there is more, {}", remedy)

    def redirected(self, location: str) -> None:
        """The endpoint is somewhere else: each page costs two requests."""
        self._log.warning("redirects to {}; set `url` to where it leads, to save a request per page", location)

    def paging(self, how: Paging) -> None:
        """It was found out how the endpoint is walked."""
        parts = [str(part) for part in (how.parameter, how.path) if part]
        about = f" ({', '.join(parts)})" if parts else ""
        self._log.info("paging: {}{}, found out from the first page", how.style.value, about)

    def announced(self, records: int | None, pages: int | None) -> None:
        """The API says how much there is of it, if it does."""
        if records is not None or pages is not None:
            self._log.debug("announced: {} records, {} pages", records, pages)
