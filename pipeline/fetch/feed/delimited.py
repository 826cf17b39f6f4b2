"""Decode CSV (RFC 4180) and TSV: each row is an object with the names of the header."""

import csv
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from io import StringIO
from typing import Any

import msgspec

from pipeline.errors import PermanentError, TruncatedFeedError
from pipeline.fetch.feed.decoder import MOST_PER_RECORD, FeedDecoder, FeedOptions, TextDecoder

_DELIMITERS = ",;\t|"
_LINE_END = re.compile(r"[\r\n]")
_MOST_COLUMNS = 4_096

# The messages with which the csv module reports that its input ends within a quoted cell, or that a cell is too large.
_OPEN_QUOTE = "unexpected end of data"
_TOO_LARGE = "field larger than field limit"

_ROW_TOO_LARGE = f"a row has more than {MOST_PER_RECORD:,} characters; if a quote is not closed, set `quote`"

_encode = msgspec.json.Encoder().encode

csv.field_size_limit(MOST_PER_RECORD)


class DelimitedDecoder(FeedDecoder):
    """A decoder of rows. A row whose number of cells is not that of the header becomes a JSON array of its cells.

    The delimiter is found in the header unless it is given. An empty ``quote`` turns quoting off; one with a backslash
    before it is escaped by backslashes instead of being doubled. The value of a name
    that occurs several times in the header is a list. Blank rows, and repetitions of the header, are skipped.
    """

    def __init__(self, options: FeedOptions) -> None:
        self._text = TextDecoder(options.encoding)
        self._given_delimiter = options.delimiter
        self._delimiter = ""
        quote = '"' if options.quote is None else options.quote
        self._quoting: dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
        if quote.startswith("\\"):
            self._quoting = {"quotechar": quote[1:], "escapechar": "\\", "doublequote": False}
        self._pending = ""
        self._header: Sequence[str] = ()
        self._has_twins = self._has_rows = False

    def feed(self, chunk: bytes) -> Iterator[msgspec.Raw]:
        """Yield the rows that the chunk completes."""
        text = self._pending + self._text.decode(chunk)
        end = text.rfind("\n") + 1 or text.rfind("\r", 0, -1) + 1
        rest = yield from self._rows(text[:end])
        self._pending = rest + text[end:]
        if len(self._pending) > MOST_PER_RECORD:
            raise PermanentError(_ROW_TOO_LARGE)

    def finish(self) -> Iterator[msgspec.Raw]:
        """Yield the last row, which may lack a line end."""
        text = self._pending + self._text.decode(b"", final=True)
        self.is_terminated = not text or text.endswith(("\n", "\r"))
        last: msgspec.Raw | None = None
        rows = self._rows(text)
        while True:
            try:
                row = next(rows)
            except StopIteration as end:
                if end.value:
                    raise TruncatedFeedError("the feed is cut off within a quoted cell") from None
                break
            if last is not None:
                yield last
            last = row
        if last is not None:
            if not self.is_terminated and bytes(last).startswith(b"["):
                raise TruncatedFeedError("the feed is cut off within its last row")
            yield last
        elif not self.is_terminated and not self._has_rows:
            raise TruncatedFeedError("the feed is cut off within its header")
        if self.columns is None:
            raise PermanentError("the feed is empty: it has no header; check the URL")

    def _rows(self, text: str) -> Generator[msgspec.Raw, None, str]:
        """Yield the rows of a text, and return the part of it that begins with an open quote."""
        if not text:
            return ""
        if self.columns is None:  # the text may end within the header
            self._delimiter = self._given_delimiter or delimiter_of(text)
        lines = list(StringIO(text, newline=""))
        rows = csv.reader(lines, delimiter=self._delimiter, strict=True, **self._quoting)
        done = 0
        while True:
            try:
                for row in rows:
                    done = rows.line_num
                    if row and (record := self._record(row)) is not None:
                        yield record
            except csv.Error as error:
                if str(error) == _OPEN_QUOTE:
                    return "".join(lines[done:])
                if str(error).startswith(_TOO_LARGE):
                    raise PermanentError(_ROW_TOO_LARGE) from None
                if self.columns is None:
                    wrong = f"the header is not valid CSV: {error}"
                    raise PermanentError(f"{wrong}; check `format`, `delimiter` and `quote`") from None
                broken = "".join(lines[done : rows.line_num])
                done = rows.line_num
                yield msgspec.Raw(_encode([broken.rstrip("\r\n")]))
            else:
                return ""

    def _record(self, row: list[str]) -> msgspec.Raw | None:
        columns = self.columns
        if columns is None:
            self._keep_header(row)
            return None
        self._has_rows = True
        if len(row) != len(columns):
            return msgspec.Raw(_encode(row))
        if row == self._header:
            return None
        if self._has_twins:
            return msgspec.Raw(_encode(_with_lists(columns, row)))
        return msgspec.Raw(_encode(dict(zip(columns, row, strict=True))))

    def _keep_header(self, row: list[str]) -> None:
        if len(row) > _MOST_COLUMNS:
            raise PermanentError(f"the header has {len(row):,} columns; check `delimiter`")
        self._header = row
        self.columns = [name.strip() or f"column_{number}" for number, name in enumerate(row, start=1)]
        self._has_twins = len(set(self.columns)) < len(self.columns)


def delimiter_of(text: str) -> str:
    """Return the delimiter that is most frequent in the first row, outside quotes; a comma if there is none."""
    plain = "".join(text.lstrip("\r\n").split('"')[::2])
    counts = Counter(_LINE_END.split(plain, maxsplit=1)[0])
    return max(_DELIMITERS, key=lambda sign: counts[sign])


def _with_lists(columns: Sequence[str], row: Sequence[str]) -> dict[str, str | list[str]]:
    cells: dict[str, list[str]] = {}
    for name, cell in zip(columns, row, strict=True):
        cells.setdefault(name, []).append(cell)
    return {name: values if len(values) > 1 else values[0] for name, values in cells.items()}
