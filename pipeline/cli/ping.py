"""Report the start and the end of a run to a monitor, as Healthchecks and its like expect."""

import httpx
from loguru import logger

from pipeline.config.ping import Monitor

# The time for one request in seconds, and the number of requests.
_TIMEOUT, _ATTEMPTS = 5.0, 2

# The maximum length of a body, in bytes; monitors keep about as much.
_LONGEST = 100_000


def ping(monitor: Monitor, event: str, text: str = "") -> None:
    """Send a POST to ``URL/event`` with a text; a failure is logged as a warning, and has no other effect."""
    url = httpx.URL(monitor.url)
    url = url.copy_with(path=f"{url.path.rstrip('/')}/{event}")
    body = monitor.secrets.redact(text).encode()[:_LONGEST]
    reason = ""
    for _ in range(_ATTEMPTS):
        try:
            response = httpx.post(url, content=body, timeout=_TIMEOUT, headers={"Content-Type": "text/plain"})
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = monitor.secrets.redact(f"{type(error).__name__}: {error}")
            continue
        if response.is_success:
            return
        reason = f"HTTP {response.status_code}"
    logger.warning("the ping to {} failed: {}; the run is not affected", monitor.shown, reason)
