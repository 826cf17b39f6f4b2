"""Stand-ins for what the tests cannot have: a network under a virtual clock."""

import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any

import httpx
import msgspec
import trio

from pipeline.config.auth import NO_CREDENTIALS
from pipeline.config.endpoint import Breaker, Endpoint, Http, RateLimit, Retry
from pipeline.config.expect import Expect
from pipeline.config.request import NO_REQUEST, Request
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import Config
from pipeline.config.source import Fields, Paging, PagingStyle
from pipeline.fetch.content.records import RecordFinder
from pipeline.fetch.fetcher import Fetcher
from pipeline.fetch.http.client import Client
from pipeline.fetch.http.hosts import HostPolicy
from pipeline.model.pages import NOTHING_YET, NormalizedPage, Page, Progress
from pipeline.model.summary import FetchResult
from pipeline.normalize.normalizer import DEFAULT_READER, normalize_batch
from pipeline.redaction import Secrets

Answer = httpx.Response | Exception | float
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# Exact delays; nothing else differs from the defaults.
NO_JITTER = Retry(jitter=0)
# One page after the other, as most of what is tested is about.
ONE_BY_ONE = RateLimit(concurrency=1)
NO_LIMIT = RateLimit(rps=0, concurrency=1)
# Described, so that the first requests are as many as the policies allow.
NUMBERED = Paging(style=PagingStyle.PAGE)


def records(page: int, count: int = 3) -> list[dict[str, Any]]:
    """A page of products whose ids differ from page to page."""
    return [{"id": page * 100 + i, "name": f"Product {page}-{i}", "price": "1.50"} for i in range(count)]


class _Body(httpx.AsyncByteStream):
    """A body that is still to be read, as one off the wire is."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


def reply(status: int = 200, content: bytes = b"", **headers: str) -> httpx.Response:
    """A response; ``Retry_After="3"`` is its Retry-After header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=_Body(content))


def ok(body: object) -> httpx.Response:
    return reply(200, msgspec.json.encode(body))


class FakeApi(httpx.AsyncBaseTransport):
    """An API with so many pages whose answers can be scripted: ``script[page]`` is what its requests get first.

    An exception is raised, a number is a wait in seconds before the page comes. Remembers when each page was asked for.
    """

    def __init__(self, pages: int = 3, script: dict[int, Sequence[Answer]] | None = None, latency: float = 0) -> None:
        self.pages = pages
        self.script = script or {}
        self.latency = latency
        self.asked: list[tuple[float, int]] = []
        self._nth: Counter[int] = Counter()
        self._start: float | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", 1))
        now = trio.current_time()
        if self._start is None:
            self._start = now
        self.asked.append((round(now - self._start, 6), page))
        self._nth[page] += 1
        await trio.sleep(self.latency)
        answers = self.script.get(page, ())
        answer = answers[self._nth[page] - 1] if self._nth[page] <= len(answers) else None
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        if answer is not None:
            await trio.sleep(answer)
        return ok(records(page) if page <= self.pages else [])

    @property
    def times(self) -> list[float]:
        """When the requests came, in seconds since the first."""
        return [at for at, _ in self.asked]


def forever(answer: Callable[[], Answer]) -> Sequence[Answer]:
    """The same answer again and again."""

    class _Forever(list[Answer]):
        def __len__(self) -> int:
            return 1_000_000

        def __getitem__(self, index: Any) -> Any:
            return answer()

    return _Forever()


def endpoint(**changes: Any) -> ResolvedEndpoint:
    """An endpoint on the defaults but for jitter, and for ``changes``."""
    defaults = ResolvedEndpoint(
        name="shop",
        url="http://shop.test/products?lang=en",
        items=None,
        explode=None,
        paging=NUMBERED,
        fields=Fields(),
        headers={},
        credentials=NO_CREDENTIALS,
        unset=(),
        allow_hosts=(),
        http=Http(),
        rate_limit=ONE_BY_ONE,
        retry=NO_JITTER,
        breaker=Breaker(),
        expect=Expect(),
        secrets=Secrets({}),
        definition=(("http://shop.test/products",), None, None, Paging(), Fields()),
    )
    return msgspec.structs.replace(defaults, **changes)


def client(api: httpx.AsyncBaseTransport, limits: Http | None = None, request: Request = NO_REQUEST) -> Client:
    url = "http://shop.test/products?lang=en"
    return Client(url, limits or Http(), request=request, ssl_context=NO_TLS, transport=api)


async def walk(
    api: httpx.AsyncBaseTransport, timeout: float = 1e6, resumed: Progress = NOTHING_YET, **changes: Any
) -> tuple[Fetcher, list[Page]]:
    """Run a fetcher against an API to its end or the timeout; gives it back with the pages that it sent."""
    changed = endpoint(**changes)
    api_client = client(api, request=changed.request)
    fetcher = Fetcher(changed, api_client, rng=Random(1), identify=DEFAULT_READER.identify, resumed=resumed)
    send, receive = trio.open_memory_channel[Page](1_000)
    with trio.move_on_after(timeout):
        await fetcher.run(send)
    with receive:
        return fetcher, [page async for page in receive]


async def walk_over_sockets(url: str, **changes: Any) -> tuple[FetchResult, list[Page]]:
    """Run a fetcher against a real server, without a rate limit."""
    changed = endpoint(url=url, rate_limit=NO_LIMIT, retry=Retry(max_retries=0), **changes)
    policy = HostPolicy(url, changed.allow_hosts, changed.secrets)
    fetcher = Fetcher(
        changed,
        Client(url, changed.http, headers=changed.headers, policy=policy, ssl_context=NO_TLS),
        rng=Random(1),
        identify=DEFAULT_READER.identify,
    )
    send, receive = trio.open_memory_channel[Page](1_000)
    await fetcher.run(send)
    with receive:
        return fetcher.result(), [page async for page in receive]


def find_records(body: bytes, path: str | None = None) -> list[msgspec.Raw]:
    """The records of a page that is the first one, and the only one to go by."""
    return RecordFinder(path).find(body)


def actions(walk: FetchResult) -> list[tuple[int, int | None, str]]:
    """Page, status and action of each failure in an account."""
    return [(failure.page, failure.code, failure.action) for failure in walk.failures]


async def dispatch_inline(batch: Sequence[Page]) -> list[NormalizedPage]:
    """What a worker thread does, without the thread: a virtual clock must not wait for one."""
    await trio.lowlevel.checkpoint()
    return normalize_batch(batch)


def config(output: object, *names: str, **changes: Any) -> Config:
    """A configuration of endpoints with these names, on the defaults but for jitter and ``changes``."""
    endpoints = tuple(Endpoint(name=name, url=f"http://{name}.test/products", paging=NUMBERED) for name in names)
    return Config(
        **{"output": str(output), "retry": NO_JITTER, "rate_limit": ONE_BY_ONE, "endpoints": endpoints, **changes}
    )
