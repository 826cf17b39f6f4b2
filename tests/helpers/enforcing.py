"""A fake API that enforces a rate limit."""

from collections.abc import Sequence

import httpx
import trio

from helpers.support import FakeApi, ok, records, reply
from mockapi.limit import RateLimit as ServerLimit


class EnforcingApi(FakeApi):
    """A fake API that refuses requests beyond its limit, and takes its latencies in turn."""

    def __init__(
        self, pages: int, latency: Sequence[float], rate: float = 5, burst: int = 5, total: bool = False
    ) -> None:
        super().__init__(pages)
        self.limit = ServerLimit(rate, burst)
        self.latencies = list(latency)
        self.total = total
        self.refused = self.under_way = self.most_under_way = 0
        self._start = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.limit.refuse(trio.current_time()) is not None:
            self.refused += 1
            return reply(429)
        page = int(request.url.params.get("page", 1))
        self.asked.append((trio.current_time(), page))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await trio.sleep(self.latencies[len(self.asked) % len(self.latencies)])
        finally:
            self.under_way -= 1
        found = records(page) if page <= self.pages else []
        return ok({"items": found, "page": page, "total_pages": self.pages} if self.total else found)
