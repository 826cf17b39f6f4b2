"""An endpoint with all that is needed to fetch it."""

from collections.abc import Mapping, Sequence

import msgspec

from pipeline.authentication import Credentials
from pipeline.credentials import Secrets
from pipeline.description import Fields, Paging
from pipeline.treatment import Breaker, Http, RateLimit, Retry


class ResolvedEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One API with all that is needed to fetch it, its credentials among it: not to be shown, nor written anywhere.

    ``unset`` are the environment variables that its preset would take credentials from, had they been set;
    ``definition`` is what decides what is on a page, without credentials.
    """

    name: str
    url: str
    items: str | None
    explode: str | None
    paging: Paging
    fields: Fields
    headers: Mapping[str, str]
    credentials: Credentials
    unset: Sequence[str]
    allow_hosts: tuple[str, ...]
    http: Http
    rate_limit: RateLimit
    retry: Retry
    breaker: Breaker
    secrets: Secrets
    definition: tuple[tuple[str, ...], str | None, str | None, Paging, Fields]

    def __repr__(self) -> str:
        return f"ResolvedEndpoint(name={self.name!r})"
