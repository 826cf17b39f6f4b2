"""Decode JSON Lines: one JSON value a line."""

from collections.abc import Iterator

import msgspec

from pipeline.errors import PermanentError, TruncatedFeedError
from pipeline.fetch.feed.decoder import MOST_PER_RECORD, FeedDecoder, FeedOptions, TextDecoder

_check = msgspec.json.Decoder(msgspec.Raw).decode


class JsonLinesDecoder(FeedDecoder):
    """A decoder that passes on each line as it is; a line that is not valid JSON is rejected later."""

    def __init__(self, options: FeedOptions) -> None:
        self._text = TextDecoder(options.encoding)
        self._pending = b""

    def feed(self, chunk: bytes) -> Iterator[msgspec.Raw]:
        """Yield the lines that the chunk completes."""
        *lines, rest = (self._pending + self._text.decode(chunk).encode()).split(b"\n")
        for line in lines:
            if line := line.strip():
                yield msgspec.Raw(line)
        self._pending = rest
        if len(rest) > MOST_PER_RECORD:
            raise PermanentError(f"a line has more than {MOST_PER_RECORD:,} bytes; check `format`")

    def finish(self) -> Iterator[msgspec.Raw]:
        """Yield the last line, which may lack a line end."""
        line = (self._pending + self._text.decode(b"", final=True).encode()).strip()
        if line:
            self.is_terminated = False
            try:
                _check(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise TruncatedFeedError("the feed is cut off within its last line") from None
            yield msgspec.Raw(line)
