"""Opens the HTTP clients of a run: one per endpoint, all with the same certificates."""

from collections.abc import Callable

from pipeline.fetch.client import Client, make_ssl_context
from pipeline.fetch.hosts import HostPolicy
from pipeline.resolved import ResolvedEndpoint

Connect = Callable[[ResolvedEndpoint], Client]


def connector() -> Connect:
    """What opens the client of an endpoint.

    Raises:
        ConfigError: when the environment names certificates that are not there.
    """
    ssl_context = make_ssl_context()
    return lambda endpoint: Client(
        endpoint.url,
        endpoint.http,
        headers={**endpoint.headers, **endpoint.credentials.headers},
        query=endpoint.credentials.query,
        policy=HostPolicy(endpoint.url, endpoint.allow_hosts, endpoint.secrets),
        ssl_context=ssl_context,
    )
