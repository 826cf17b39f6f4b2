"""Write the products as CSV (RFC 4180) in UTF-8, with text that spreadsheets cannot take for a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pipeline.model.pages import Product
from pipeline.output.aggregator import Catalogue


class _CsvRow(Product, frozen=True):
    """A product with its extra fields, each as undecoded JSON."""

    extra: Mapping[str, msgspec.Raw] = {}


_decode_lines = msgspec.json.Decoder(_CsvRow).decode_lines
_decode_text = msgspec.json.Decoder(str).decode

# https://owasp.org/www-community/attacks/CSV_Injection, also after leading blanks. A text that already has apostrophes
# before a formula gets one more, so that removing one always restores the text.
_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")


def csv_chunks(catalogue: Catalogue, extra: Sequence[str]) -> Iterator[bytes]:
    """Yield the header, then the rows of :func:`text_rows`, one chunk of products at a time."""
    for rows in text_rows(catalogue, extra):
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        yield text.getvalue().encode()


def text_rows(catalogue: Catalogue, extra: Sequence[str]) -> Iterator[Iterable[Sequence[str]]]:
    """Yield the header, then the rows, one chunk of products at a time. No cell begins like a formula.

    After the fields of every product there is a column ``extra.NAME`` for each name in ``extra``.
    """
    yield [[*Product.__struct_fields__, *(f"extra.{name}" for name in extra)]]
    for lines in catalogue.products():
        yield (_cells(product, extra) for product in _decode_lines(lines))


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
    if text is None:
        return ""
    # Some CSV readers reject a NUL.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{text}" if _FORMULA.match(text) else text


def _value(value: msgspec.Raw | None) -> str:
    """Return a string as text, null as an empty cell, any other value as its JSON, which cannot begin a formula."""
    if value is None or (json := bytes(value)) == b"null":
        return ""
    return _text(_decode_text(json)) if json.startswith(b'"') else json.decode()
