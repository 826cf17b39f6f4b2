"""The interface of the decoders of feeds: chunks of bytes in, raw records out, in bounded memory."""

import codecs
from collections.abc import Iterator, Sequence

import msgspec

from pipeline.errors import FetchError, PermanentError, TruncatedFeedError

# The maximum size of one record, in bytes or characters. A larger one is a mistake, such as a quote that is not closed.
MOST_PER_RECORD = 1 << 20

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LONGEST_BOM = 4


class FeedOptions(msgspec.Struct, frozen=True):
    """The configuration of a feed: its keys ``encoding``, ``delimiter``, ``quote`` and ``items``, None if not given."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    items: str | None = None


class FeedDecoder:
    """Base class of decoders; one decodes one feed.

    ``columns`` are the names in its header, None without one. ``is_terminated`` is False if the last record has no end
    of its own, so that only the transport shows whether it is whole.
    """

    columns: Sequence[str] | None = None
    is_terminated = True

    def feed(self, chunk: bytes) -> Iterator[msgspec.Raw]:
        """Yield the records that the next chunk completes, each as JSON.

        Raises:
            PermanentError: if the feed is not in this format, or a record is too large.
        """
        raise NotImplementedError

    def finish(self) -> Iterator[msgspec.Raw]:
        """Yield the last records at the end of the feed.

        Raises:
            TruncatedFeedError: if the feed is cut off.
            PermanentError: as :meth:`feed` does.
        """
        raise NotImplementedError


class TextDecoder:
    """A decoder of bytes into text: by the byte order mark, else ``encoding``, else UTF-8."""

    def __init__(self, encoding: str | None) -> None:
        self._encoding = encoding
        self._start = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._position = 0
        self._error: FetchError | None = None

    def decode(self, chunk: bytes, *, final: bool = False) -> str:
        """Return the text of the next chunk, up to bytes that are not in the encoding; the next call reports those.

        Raises:
            PermanentError: if the bytes are not in the encoding.
            TruncatedFeedError: if the feed ends within a character.
        """
        if self._error is not None:
            raise self._error
        if self._decoder is None:
            self._start += chunk
            if len(self._start) < LONGEST_BOM and not final:
                return ""
            chunk = self._start_decoding()
        assert self._decoder is not None
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            held = len(error.object) - len(chunk)  # of a character that began in the last chunk
            self._error = self._to_error(self._position - held + error.start, is_end=final)
            if final:
                raise self._error from None
            text = self._decoder.decode(chunk[: max(error.start - held, 0)])
        self._position += len(chunk)
        return text

    def _start_decoding(self) -> bytes:
        mark, name = next(((mark, name) for mark, name in _BOMS if self._start.startswith(mark)), (b"", self._encoding))
        self._decoder = codecs.getincrementaldecoder(name or "utf-8")()
        self._position = len(mark)
        return self._start.removeprefix(mark)

    def _to_error(self, position: int, *, is_end: bool) -> FetchError:
        wrong = f"the feed is not in {self._encoding or 'UTF-8'} (byte {position:,})"
        remedy = "set `encoding`, for example windows-1252"
        if is_end:
            return TruncatedFeedError(f"the feed is cut off within a character, or {wrong}; in that case, {remedy}")
        return PermanentError(f"{wrong}; {remedy}")
