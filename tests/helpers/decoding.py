"""Decode a whole feed in chunks, and keep what came before an error."""

from typing import Any

import msgspec

from pipeline.config.request import BodyFormat
from pipeline.errors import FetchError
from pipeline.fetch.feed.decoder import FeedOptions
from pipeline.fetch.feed.formats import make_decoder


def decode_until_error(
    body: bytes, body_format: BodyFormat, *, size: int = 1 << 16, **options: str | None
) -> tuple[list[Any], FetchError | None]:
    """Return the records of a feed that arrives in chunks of ``size`` bytes, and the error that ends it."""
    records: list[Any] = []
    decoder = make_decoder(body_format, FeedOptions(**options))
    try:
        for start in range(0, len(body), size):
            records.extend(map(msgspec.json.decode, decoder.feed(body[start : start + size])))
        records.extend(map(msgspec.json.decode, decoder.finish()))
    except FetchError as error:
        return records, error
    return records, None
