"""Products as CSV: exact values, and no text that a spreadsheet takes for a formula."""

import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from helpers.products_files import EXTRA, a_catalogue, catalogue_of, of_csv, of_lines, pages
from hypothesis import given

from pipeline.output.formats.csv_products import csv_chunks

_encode = msgspec.json.Encoder(decimal_format="number").encode

TEXTS = ("id", "title", "source", "currency", "category", "processed_at")


def without_apostrophe(cell: str) -> str:
    """Restore the text of a cell as the README describes."""
    return cell[1:] if re.match(r"''*(\s*[=+\-@＝＋－＠]|[\t\r\n])", cell) else cell


def shown(value: Any) -> Any:
    """The content of an extra field's cell, without an added apostrophe."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return "" if value is None else _encode(value).decode()


def one(**changes: Any) -> bytes:
    product = {"id": "a:1", "title": "Pen", "source": "a", "price": 1, "currency": None, "category": "x"}
    return msgspec.json.encode({**product, "processed_at": "2026-01-01T00:00:00Z", **changes})


@given(pages)
def test_any_products_come_back_as_they_were(records: Any) -> None:
    """Texts (except NUL), prices and extra fields survive the round trip, in the order of the summary."""
    catalogue, products = catalogue_of(records)
    expected = of_lines(b"\n".join(products))
    rows = of_csv(b"".join(csv_chunks(catalogue, EXTRA)))
    assert len(rows) == len(expected)
    for row, product in zip(rows, expected, strict=True):
        assert {name: without_apostrophe(row[name]) for name in TEXTS} == {n: shown(product[n]) for n in TEXTS}
        assert row["price"] == ("" if product["price"] is None else format(product["price"], "f"))
        assert without_apostrophe(row["extra.note"]) == shown(product["extra"]["note"])
        stock = product["extra"]["stock"]
        assert Decimal(row["extra.stock"]) == stock


@given(pages)
def test_no_text_begins_a_formula(records: Any) -> None:
    """No cell starts like a spreadsheet formula, even after leading blanks."""
    catalogue, _ = catalogue_of(records)
    for row in of_csv(b"".join(csv_chunks(catalogue, EXTRA))):
        for name in TEXTS:
            assert not re.match(r"\s*[=+\-@＝＋－＠]|[\t\r\n]", row[name]), (name, row[name])


@pytest.mark.parametrize(
    ("title", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-5 % off", "'-5 % off"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
        ("a=1", "a=1"),
        ("\0=1", "\ufffd=1"),
        (None, ""),
    ],
)
def test_what_could_begin_a_formula_gets_an_apostrophe(title: str | None, cell: str) -> None:
    """Exactly the texts that OWASP lists get an apostrophe."""
    (row,) = of_csv(b"".join(csv_chunks(a_catalogue(one(title=title)), ())))
    assert row["title"] == cell


def test_numbers_are_written_out_and_are_no_formulas() -> None:
    """A price has all its digits and no exponent; an extra field that is a negative number stays a number."""
    line = one(price=msgspec.Raw(b"1.50e3"), extra={"delta": -5, "code": "-5", "on": True, "tags": ["a", {"b": 1}]})
    content = b"".join(csv_chunks(a_catalogue(line, one(price=None)), ("delta", "code", "on", "tags", "none")))
    assert content == (
        b"id,title,source,price,currency,category,processed_at,"
        b"extra.delta,extra.code,extra.on,extra.tags,extra.none\r\n"
        b'a:1,Pen,a,1500,,x,2026-01-01T00:00:00Z,-5,\'-5,true,"[""a"",{""b"":1}]",\r\n'
        b"a:1,Pen,a,,,x,2026-01-01T00:00:00Z,,,,,\r\n"
    )


def test_without_products_there_is_the_header() -> None:
    """A file without products has the header."""
    assert b"".join(csv_chunks(a_catalogue(), ())) == b"id,title,source,price,currency,category,processed_at\r\n"
