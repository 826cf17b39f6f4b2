"""Follow the progress of a request by httpcore's trace extension."""

from collections.abc import Callable, Mapping


class RequestTrace:
    """The progress of one request. ``on_sent`` and ``on_answered`` are called as in :meth:`Client.get`."""

    def __init__(
        self, on_sent: Callable[[], None] = lambda: None, on_answered: Callable[[], None] = lambda: None
    ) -> None:
        self._on_sent = on_sent
        self._on_answered = on_answered
        self._sending = self._connected = self._answered = False

    @property
    def reuses_connection(self) -> bool:
        """True if the request was sent on the connection of an earlier one, and no answer has arrived."""
        return self._sending and not self._connected and not self._answered

    async def __call__(self, event: str, _: Mapping[str, object]) -> None:  # noqa: ASYNC124 - httpcore awaits it
        """Receive an event: a name such as ``http11.send_request_headers.started``, and details."""
        if event.endswith("send_request_headers.started"):
            self._sending = True
            self._on_sent()
        elif event.endswith("receive_response_headers.complete"):
            self._answered = True
            self._on_answered()
        elif "connect_" in event:
            self._connected = True
