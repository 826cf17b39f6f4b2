"""URLs of the catalogue at each server, and the size of their pages."""

from dataclasses import dataclass

from servers.catalogue import COUNT


@dataclass(frozen=True)
class Endpoint:
    """URL of a catalogue at a server; `size` is the number of records of a page, COUNT if there is one page."""

    software: str
    path: str
    size: int

    @property
    def name(self) -> str:
        """Name for parametrized tests."""
        return f"{self.software}:{self.path}"

    @property
    def pages(self) -> int:
        """Number of the pages with records."""
        return -(-COUNT // self.size)


# Endpoints without a limit that a walk would meet.
ENDPOINTS = (
    Endpoint("django", "/drf/page-number/", 20),
    Endpoint("django", "/drf/limit-offset/", 20),
    Endpoint("django", "/drf/cursor/", 20),
    Endpoint("django", "/ninja/default", 100),
    Endpoint("django", "/ninja/page-number", 50),
    Endpoint("django", "/ninja/cursor", 50),
    Endpoint("django", "/ninja/unpaginated", COUNT),
    *(
        Endpoint("fastapi-pagination", f"/{page}", 50)
        for page in (
            "page", "limit-offset-page", "cursor-page", "links-page", "links-limit-offset-page", "header-links-page",
            "header-links-limit-offset-page", "page-without-total", "limit-offset-page-without-total", "aliased-page",
            "flat-page", "flat-page-with-total", "optional-page", "optional-limit-offset-page", "iterable-page",
            "iterable-limit-offset-page",
        )
    ),
    Endpoint("datasette", "/catalogue/products.json?_shape=objects", 100),
    Endpoint("datasette", "/catalogue/products.json?_shape=array", 100),
    Endpoint("json-server", "/products", COUNT),
    Endpoint("json-server", "/products?_page=1&_per_page=25", 25),
)  # fmt: skip

# Datasette's default shape: records are arrays, and `columns` has their names. It is not readable from its URL alone.
DATASETTE_ARRAYS = Endpoint("datasette", "/catalogue/products.json", 100)

# Endpoints behind a limit, with the time that their walk takes at best.
LIMITED = (
    Endpoint("slowapi", "/fast", 25),  # 5 a second, fixed window: 3 s
    Endpoint("slowapi-headers", "/fast", 25),  # the same with X-RateLimit-* and Retry-After
    Endpoint("slowapi-moving-window", "/fast", 25),  # 5 a second, sliding window: 3 s
    Endpoint("nginx-429", "/drf/page-number/", 20),  # 2 a second without burst: 8 s
    Endpoint("nginx-503", "/drf/page-number/", 20),  # the same with the default status
    Endpoint("haproxy-10s", "/drf/page-number/", 20),  # 10 in 10 s, refusals count: 10 s
    Endpoint("haproxy-30s", "/drf/page-number/", 20),  # 10 in 30 s, refusals count: 30 s
    Endpoint("slowapi", "/slow", 25),  # 10 a minute: 60 s
    Endpoint("django", "/drf/throttled/", 15),  # 20 a minute, with Retry-After: 60 s
)

# One limit for all of them: nginx counts requests by client address, and allows the program's default rate and burst.
GROUPED = tuple(
    Endpoint("nginx-burst", path, size)
    for path, size in (("/ninja/default", 100), ("/ninja/page-number", 50), ("/ninja/cursor", 50), ("/drf/cursor/", 20))
)
