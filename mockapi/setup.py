"""What the content of a persona, and its limits, are made from."""

import msgspec


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What each persona needs to know of the settings.

    ``rate_limit`` is in requests a second, 0 for none but the API's own. ``token_requests`` is how many requests for
    products an access token is good for, where access tokens are given out.
    """

    seed: int = 1
    pages: int = 7
    per_page: int = 20
    rate_limit: float = 0.0
    burst: int = 5
    token_requests: int = 5

    @property
    def records(self) -> int:
        """How many records each shop has: so many pages of ``per_page``, the last of them a third short."""
        return max(0, self.pages * self.per_page - self.per_page // 3)
