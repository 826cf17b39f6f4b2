"""The body of an endpoint's requests: JSON or a form, with places for the values of a page."""

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from pipeline.config.record_paths import steps_of
from pipeline.config.request import Request, with_value

_IN_JSON, _IN_FORM = "json.", "form."


class RequestBody:
    """A request body that is the same for all pages of an endpoint, except for some values.

    ``media_type`` is that of the body, None if requests have no body.
    """

    def __init__(self, request: Request) -> None:
        self._json = request.json
        self._form = request.form
        self.media_type: str | None = None
        if request.json is not None:
            self.media_type = "application/json"
        elif request.form is not None:
            self.media_type = "application/x-www-form-urlencoded"

    def filled(self, values: Mapping[str, str | int]) -> bytes | None:
        """Return the body with ``values`` at their places, ``json.PATH`` or ``form.NAME``; None without a body."""
        if self._json is not None:
            body = self._json
            for place, value in values.items():
                body = with_value(body, steps_of(place.removeprefix(_IN_JSON)), value)
            return msgspec.json.encode(body)
        if self._form is not None:
            fields = {place.removeprefix(_IN_FORM): value for place, value in values.items()}
            return urlencode({**self._form, **fields}).encode()
        return None
