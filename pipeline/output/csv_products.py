"""The products as CSV (RFC 4180), in UTF-8, so that a spreadsheet takes no text for a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pipeline.model.pages import Product


class _CsvRow(Product, frozen=True):
    """A product with its further fields, each still as its JSON."""

    extra: Mapping[str, msgspec.Raw] = {}


_decode_lines = msgspec.json.Decoder(_CsvRow).decode_lines
_decode_text = msgspec.json.Decoder(str).decode

# https://owasp.org/www-community/attacks/CSV_Injection, also behind blanks. What we have put an apostrophe before gets
# one more, so that taking one away gives the text back.
_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")


def csv_chunks(extra: Sequence[str], products: Iterable[bytes]) -> Iterator[bytes]:
    """The header, then the rows of one piece of ``products`` (JSON Lines) after the other.

    Behind the fields of every product there is a column ``extra.NAME`` for each name in ``extra``.
    """
    yield _encode([[*Product.__struct_fields__, *(f"extra.{name}" for name in extra)]])
    for lines in products:
        yield _encode(_cells(product, extra) for product in _decode_lines(lines))


def _encode(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(product: _CsvRow, extra: Sequence[str]) -> Sequence[str]:
    return (
        _text(product.id),
        _text(product.title),
        _text(product.source),
        "" if product.price is None else format(product.price, "f"),
        _text(product.currency),
        _text(product.category),
        _text(product.processed_at),
        *(_value(product.extra.get(name)) for name in extra),
    )


def _text(text: str | None) -> str:
    """A text that begins no formula. No CSV reader is sure to take a NUL."""
    if text is None:
        return ""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{text}" if _FORMULA.match(text) else text


def _value(value: msgspec.Raw | None) -> str:
    """A text as any other, null as nothing, and anything else, which begins no formula, as its JSON."""
    if value is None or (json := bytes(value)) == b"null":
        return ""
    return _text(_decode_text(json)) if json.startswith(b'"') else json.decode()
