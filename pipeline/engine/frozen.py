"""Freeze a quota group at rest into bytes, and thaw it in another process.

The bytes are the pickle of the group's bulkheads: accounts, paginators, breakers, and the throttle that they share.
Everything that each process has for itself is left out, and is named instead: configuration, clients, log. Texts
contain marks in place of secrets.
"""

import io
import pickle
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import trio

from pipeline.config.resolve import ResolvedEndpoint
from pipeline.fetch.bulkhead import Bulkhead
from pipeline.fetch.factory import FetcherFactory
from pipeline.fetch.http.client import Client
from pipeline.redaction import Secrets

Group = Mapping[str, Bulkhead]

# Level 1 halves the size of a group, and costs a tenth of its pickling.
_LEVEL = 1


def _new_event() -> trio.Event:
    return trio.Event()


def _new_lock() -> trio.StrictFIFOLock:
    return trio.StrictFIFOLock()


class Freezer:
    """The things of one process that groups refer to, by their names: those of a factory, and the clients it opened."""

    def __init__(self, factory: FetcherFactory) -> None:
        self._factory = factory
        self._connect = factory.connect
        factory.connect = self._open
        self._clients: dict[str, Client] = {}
        self._secrets = Secrets.of_all(endpoint.secrets for endpoint in factory.endpoints.values())
        self._things: dict[str, object] = {
            "factory": factory,
            "log": factory.log,
            "rng": factory.rng,
            "rest": factory.rest,
        }
        for name, endpoint in factory.endpoints.items():
            self._things[f"endpoint {name}"] = endpoint
            self._things[f"secrets {name}"] = endpoint.secrets
            self._things[f"identify {name}"] = factory.identify[name]
        self._names = {id(thing): name for name, thing in self._things.items()}

    def freeze(self, group: Group) -> bytes:
        """Return a group, none of whose walks is running, as bytes."""
        buffer = io.BytesIO()
        _Pickler(buffer, self._name_of).dump(group)
        return zlib.compress(buffer.getbuffer(), _LEVEL)

    def thaw(self, frozen: bytes) -> Group:
        """Return the group that was frozen, perhaps by another process."""
        group: Group = _Unpickler(io.BytesIO(zlib.decompress(frozen)), self._thing_of).load()
        return group

    def _open(self, endpoint: ResolvedEndpoint) -> Client:
        client = self._clients[endpoint.name] = self._connect(endpoint)
        self._names[id(client)] = f"client {endpoint.name}"
        return client

    def _name_of(self, thing: object) -> str | None:
        if type(thing) is str:
            sealed = self._secrets.seal(thing)
            return None if sealed == thing else f"sealed {sealed}"
        return self._names.get(id(thing))

    def _thing_of(self, name: str) -> object:
        kind, _, rest = name.partition(" ")
        match kind:
            case "sealed":
                return self._secrets.unseal(rest)
            case "client":
                return self._clients.get(rest) or self._open(self._factory.endpoints[rest])
            case _:
                return self._things[name]


class _Pickler(pickle.Pickler):
    """A pickler that asks for the name of each object, and makes events and locks new: at rest nothing waits."""

    dispatch_table = {  # noqa: RUF012 - the name is that of the base class
        trio.Event: lambda _: (_new_event, ()),
        trio.StrictFIFOLock: lambda _: (_new_lock, ()),
    }

    def __init__(self, file: io.BytesIO, name_of: Callable[[object], str | None]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._name_of = name_of

    def persistent_id(self, obj: Any) -> str | None:
        return self._name_of(obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, thing_of: Callable[[str], object]) -> None:
        super().__init__(file)
        self._thing_of = thing_of

    def persistent_load(self, pid: Any) -> object:
        return self._thing_of(pid)
