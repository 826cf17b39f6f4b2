"""The recognition of feeds by their first bytes, if neither the Content-Type nor the URL names the format."""

import gzip

import pytest

from pipeline.config.request import BodyFormat
from pipeline.fetch.feed.formats import recognise_format

CSV, TSV, XML, JSONL = BodyFormat.CSV, BodyFormat.TSV, BodyFormat.XML, BodyFormat.JSONL
TABLE = b"id,title,price\n1,Lamp,2.50\n"


@pytest.mark.parametrize(
    ("media_type", "start", "expected"),
    [
        ("text/plain", TABLE, CSV),
        ("text/html; charset=utf-8", TABLE.replace(b",", b";"), CSV),
        ("application/json", TABLE, CSV),
        (None, TABLE.replace(b",", b"\t"), TSV),
        ("application/octet-stream", gzip.compress(TABLE), CSV),
        ("application/json", gzip.compress(TABLE), CSV),
        ("text/plain", TABLE.decode().encode("utf-16") + b"3", CSV),
        ("text/plain", b"\xef\xbb\xbf" + TABLE, CSV),
        ("image/svg", TABLE, None),
        ("text/plain", b"Too many requests, try later, please\n", None),
        ("text/plain", b"Sorry, we are, as you see, closed.\nCome back later.\n", None),
        ("text/plain", b"id,title\n1,Lamp\n", None),
        ("text/plain", b"id,id,id\n1,2,3\n", None),
        ("application/json", b'{"id": 1}\n{"id": 2}\n', JSONL),
        ("application/json", b'{"id": 1}\n', None),
        ("application/json", b'{\n"id": {\n}}', None),
        ("application/ndjson", b'{"id": 1}\n', JSONL),
        ("text/csv", b"{}", None),
        ("application/octet-stream", b"\x1f\x8b is not gzip", None),
    ],
)
def test_the_first_bytes_decide_if_nothing_else_does(
    media_type: str | None, start: bytes, expected: BodyFormat | None
) -> None:
    """A header of three columns with a row, or two lines of JSON, is a feed; sentences and single objects are not."""
    assert recognise_format(media_type, "/export", start) is expected


@pytest.mark.parametrize(
    "start",
    [
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">',
        b'<?xml version="1.0"?><!-- x --><html xmlns="http://www.w3.org/1999/xhtml">',
        b"\n<!-- x -->\n<HTML>",
    ],
)
@pytest.mark.parametrize("media_type", ["text/html", "application/xml", "text/csv"])
def test_html_is_never_a_feed(media_type: str, start: bytes) -> None:
    """XHTML, and HTML after comments, are not feeds, whatever they claim to be."""
    assert recognise_format(media_type, "/feed.xml", start) is None
