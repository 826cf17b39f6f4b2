"""The interface of the decoders of feeds: chunks of bytes in, raw records out, in bounded memory."""

import codecs
from collections.abc import Iterator, Sequence

import msgspec

from pipeline.errors import PermanentError

# The maximum size of one record, in bytes or characters. A larger one is a mistake, such as a quote that is not closed.
MOST_PER_RECORD = 1 << 20

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LONGEST_BOM = 4


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
        self._bytes = 0

    def decode(self, chunk: bytes, *, final: bool = False) -> str:
        """Return the text of the next chunk.

        Raises:
            PermanentError: if the bytes are not in the encoding.
        """
        if self._decoder is None:
            self._start += chunk
            if len(self._start) < _LONGEST_BOM and not final:
                return ""
            chunk = self._start_decoding()
        assert self._decoder is not None
        try:
            return self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            name = self._encoding or "UTF-8"
            text = f"the feed is not in {name} (near byte {self._bytes + error.start:,})"
            raise PermanentError(f"{text}; set `encoding`, for example windows-1252") from None
        finally:
            self._bytes += len(chunk)

    def _start_decoding(self) -> bytes:
        mark, name = next(((mark, name) for mark, name in _BOMS if self._start.startswith(mark)), (b"", self._encoding))
        self._decoder = codecs.getincrementaldecoder(name or "utf-8")()
        return self._start.removeprefix(mark)
