"""A TCP relay in front of a persona that resets connections, because an ASGI app cannot send a RST."""

import re
import socket
import struct

import trio

from mockapi.app import Persona

_REQUEST_LINE = re.compile(rb"GET /products(?:\?(?:[^ ]*&)?page=(\d+)[^ ]*)? HTTP")
_CHUNK = 65_536
# l_onoff=1, l_linger=0: closing sends RST and discards unsent data (POSIX, SO_LINGER).
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ResettingFront:
    """A relay to the persona's real port that resets the requests whose fault is ``reset``.

    It treats each chunk from a client as a whole request head. That holds for small GET requests without pipelining.
    """

    def __init__(self, persona: Persona, port: int) -> None:
        self._persona = persona
        self._port = port

    async def serve(self, client: trio.SocketStream) -> None:
        """Handle one connection until either side closes it; if cancelled, both sides are closed."""
        async with client, await trio.open_tcp_stream("127.0.0.1", self._port) as server:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._answers, server, client, nursery.cancel_scope)
                    await self._requests(client, server)
                    nursery.cancel_scope.cancel()
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the client closed the connection, or it was reset

    async def _requests(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        while chunk := await client.receive_some(_CHUNK):
            if self._is_to_be_reset(chunk):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                return
            await server.send_all(chunk)

    async def _answers(
        self, server: trio.SocketStream, client: trio.SocketStream, connection: trio.CancelScope
    ) -> None:
        while chunk := await server.receive_some(_CHUNK):
            await client.send_all(chunk)
        connection.cancel()

    def _is_to_be_reset(self, head: bytes) -> bool:
        match = _REQUEST_LINE.match(head)
        if match is None:
            return False
        page = int(match[1] or 1)
        fault = self._persona.script.fault(page, self._persona.requests_for(page) + 1)
        if fault is None or fault.kind != "reset":
            return False
        self._persona.nth_request(page)
        self._persona.stats.arrived(trio.current_time(), page).fault = "reset"
        return True
