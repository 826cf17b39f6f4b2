"""Settings that determine a persona's content and limits."""

import msgspec

from mockapi.quota import Quota


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the settings that each persona needs.

    ``night`` moves the catalogues of api1, api2 and api3: prices change, and products come and go.

    ``past_end``, ``unknown_parameters``, ``media_type`` and ``errors`` replace the API's own if not empty; see ``Api``.
    ``quota`` replaces the API's own, and ``rate_limit`` both; it is in requests per second, 0 for none.
    ``token_requests`` is the number of requests for products for which an access token is valid.
    """

    seed: int = 1
    night: int = 0
    pages: int = 7
    per_page: int = 20
    rate_limit: float = 0.0
    burst: int = 5
    quota: Quota | None = None
    past_end: str = ""
    unknown_parameters: str = ""
    media_type: str = ""
    errors: str = ""
    token_requests: int = 5

    @property
    def records(self) -> int:
        """Return the number of records of each shop: ``pages`` of ``per_page``, less a third of the last page."""
        return max(0, self.pages * self.per_page - self.per_page // 3)
