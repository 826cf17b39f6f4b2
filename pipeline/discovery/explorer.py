"""Request the pages of APIs that are to be described, within the rate limit of the draft."""

from random import Random

from pipeline.config.endpoint import RateLimit
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.discovery.first_page import FirstPage, fetch_first_page, few_attempts
from pipeline.discovery.proof import Proof, prove_paging
from pipeline.discovery.record_lists import LikeliestFinder
from pipeline.errors import FetchError
from pipeline.fetch.groups import make_throttle
from pipeline.fetch.http.client import Connect
from pipeline.fetch.policy.throttle import Throttle
from pipeline.normalize.normalizer import reader_for

# A cut connection is tried once more.
_RETRIES = 1

_NOT_FOUND = 404


class Explorer:
    """A client of several APIs, each of which is asked for its first page and then for a second one."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._throttles: dict[tuple[str, RateLimit], Throttle] = {}

    async def first_page(self, endpoint: ResolvedEndpoint, *, finds: bool) -> FirstPage:
        """Request the URL as written; with ``finds`` its records are the list that looks most like products.

        Raises:
            FetchError: if the request fails, or the response has no records.
        """
        finder = LikeliestFinder(redact=endpoint.secrets.redact) if finds else None
        try:
            return await fetch_first_page(
                endpoint,
                self._connect,
                throttle=self._throttle(endpoint),
                plain=True,
                retries=_RETRIES,
                finder=finder,
            )
        except FetchError as error:
            raise (error.with_text(f"{error.text}; check the URL") if error.code == _NOT_FOUND else error) from None

    async def prove(self, endpoint: ResolvedEndpoint, page: FirstPage) -> Proof:
        """Request a second page, as a run would with the description of ``endpoint``."""
        reader = reader_for(endpoint.fields, endpoint.explode)
        async with self._connect(endpoint) as client:
            resilient = few_attempts(endpoint, client, throttle=self._throttle(endpoint), retries=_RETRIES)
            return await prove_paging(endpoint, resilient, reader, page.fetched)

    def _throttle(self, endpoint: ResolvedEndpoint) -> Throttle:
        """Return the throttle of an endpoint or its group; one that is recognised has the rate of its preset."""
        limit = endpoint.rate_limit
        key = (limit.group or endpoint.name, limit)
        if key not in self._throttles:
            self._throttles[key] = make_throttle([endpoint], Random())
        return self._throttles[key]
