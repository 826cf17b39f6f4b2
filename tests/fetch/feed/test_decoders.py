"""The decoders of feeds: any chunking, any encoding, cuts at every byte, and hostile content."""

import csv
import gzip
import io
import tracemalloc
from collections.abc import Iterator
from itertools import chain
from typing import Any
from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.request import BodyFormat
from pipeline.errors import FetchError, NoRecordsError, PermanentError, TruncatedFeedError
from pipeline.fetch.feed.decoder import FeedOptions
from pipeline.fetch.feed.formats import make_decoder, recognise_format

CSV, TSV, XML, JSONL = BodyFormat.CSV, BodyFormat.TSV, BodyFormat.XML, BodyFormat.JSONL


def decode(body: bytes, body_format: BodyFormat, *, size: int = 1 << 16, **options: Any) -> list[Any]:
    """Return the decoded records of a feed that arrives in chunks of ``size`` bytes."""
    return list(decoding(body, body_format, size=size, **options))


def decoding(body: bytes, body_format: BodyFormat, *, size: int = 1 << 16, **options: Any) -> Iterator[Any]:
    decoder = make_decoder(body_format, FeedOptions(**options))
    for start in range(0, len(body), size):
        yield from map(msgspec.json.decode, decoder.feed(body[start : start + size]))
    yield from map(msgspec.json.decode, decoder.finish())


RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop &amp; Co</title>
<item><g:id>1</g:id><title>Lamp &lt;b&gt;</title><g:price>12.50 EUR</g:price><g:image/></item>
<item g:new="yes"><g:id>2</g:id><title><![CDATA[Chair & table]]></title><g:image>a</g:image><g:image>b</g:image></item>
</channel></rss>
"""
RSS_RECORDS = [
    {"g:id": "1", "title": "Lamp <b>", "g:price": "12.50 EUR", "g:image": ""},
    {"@g:new": "yes", "g:id": "2", "title": "Chair & table", "g:image": ["a", "b"]},
]
ROWS = 'id,title,price\n1,"Lamp, ""tall""",12.50\n2,"two\nlines",3\n\n3,Ünïcödé,4.00\n'
ROW_RECORDS = [
    {"id": "1", "title": 'Lamp, "tall"', "price": "12.50"},
    {"id": "2", "title": "two\nlines", "price": "3"},
    {"id": "3", "title": "Ünïcödé", "price": "4.00"},
]
LINES = '{"id": 1, "price": 1.50}\n\n{"id": 2, "title": "ü"}\r\n'
LINE_RECORDS = [{"id": 1, "price": 1.5}, {"id": 2, "title": "ü"}]
FEEDS = [
    (CSV, ROWS, ROW_RECORDS),
    (TSV, ROWS.replace("Lamp, ", "Lamp; ").replace(",", "\t"), [{**ROW_RECORDS[0], "title": 'Lamp; "tall"'}]),
    (XML, RSS, RSS_RECORDS),
    (JSONL, LINES, LINE_RECORDS),
]


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("size", [1, 2, 7, 1 << 16])
@pytest.mark.parametrize(("body_format", "text", "records"), FEEDS)
def test_the_records_do_not_depend_on_the_chunks(
    body_format: BodyFormat, text: str, records: list[Any], size: int, *, compress: bool
) -> None:
    """Each format is read from chunks of any size, compressed or not."""
    body = gzip.compress(text.encode()) if compress else text.encode()
    assert decode(body, body_format, size=size)[: len(records)] == records


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(("body_format", "text", "records"), FEEDS)
def test_a_feed_that_is_cut_off_at_any_byte_is_not_complete(
    body_format: BodyFormat, text: str, records: list[Any], *, compress: bool
) -> None:
    """A cut is an error, unless it is after a plain row or the last row is reported to have no end of its own."""
    body = gzip.compress(text.encode(), mtime=0) if compress else text.encode()
    whole = decode(body, body_format)
    for end in range(1, len(body)):
        seen: list[Any] = []
        decoder = make_decoder(body_format, FeedOptions())
        try:
            for raw in chain(decoder.feed(body[:end]), decoder.finish()):
                seen.append(msgspec.json.decode(raw))  # noqa: PERF401 - an error must leave what came
        except FetchError:
            assert seen == whole[: len(seen)]
        else:
            assert not compress
            assert body[:end].endswith((b"\n", b"\r")) or not decoder.is_terminated or body[end:].strip() == b""
            assert seen[:-1] == whole[: max(len(seen) - 1, 0)]
    assert records


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=3, max_size=3)),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    st.integers(1, 50),
)
def test_any_table_comes_back(rows: list[list[str]], delimiter: str, end: str, encoding: str, size: int) -> None:
    """Whatever is in the cells, the records are those that were written, with the delimiter and encoding found."""
    names = ["id", "the title", "price"]
    file = io.StringIO(newline="")
    # Without quotes, some versions of the writer leave a lone carriage return as it is, which ends the row.
    quoting = csv.QUOTE_ALL if "\r" in str(rows).replace("\\r", "\r") else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([names, *rows])
    expected = [dict(zip(names, row, strict=True)) for row in rows if row != names]
    assert decode(file.getvalue().encode(encoding), CSV, size=size) == expected


ELEMENTS = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=5).map(str.strip),
    lambda inner: st.dictionaries(st.sampled_from(["a", "g:b", "c-d"]), inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.fixed_dictionaries({"id": st.just("7"), "x": ELEMENTS}), min_size=1, max_size=4), st.integers(1, 40))
def test_any_tree_comes_back(records: list[Any], size: int) -> None:
    """Elements become objects with the names of their children, to any depth."""

    def written(value: Any) -> str:
        if isinstance(value, str):
            return escape(value)
        return "".join(f"<{name}>{written(inner)}</{name}>" for name, inner in value.items())

    body = "".join(f"<row>{written(record)}</row>" for record in records)
    text = f'<data xmlns:g="urn:g">{body}</data>'
    assert decode(text.encode(), XML, size=size, items="data.row") == records


@pytest.mark.parametrize(
    ("body", "options", "records"),
    [
        ("a;b\n1;2,5\n", {}, [{"a": "1", "b": "2,5"}]),
        ("a|b\n1|2\n", {}, [{"a": "1", "b": "2"}]),
        ("a\n1\n2", {}, [{"a": "1"}, {"a": "2"}]),
        ("a^b\n1^2\n", {"delimiter": "^"}, [{"a": "1", "b": "2"}]),
        ("a,b\n1,'x,y'\n", {"quote": "'"}, [{"a": "1", "b": "x,y"}]),
        ('a,b\n1,"19"" wide\n', {"quote": ""}, [{"a": "1", "b": '"19"" wide'}]),
        ('a,b\n1,19" wide\n', {}, [{"a": "1", "b": '19" wide'}]),
        ("a,b,a,\n1,2,3,4\n", {}, [{"a": ["1", "3"], "b": "2", "column_4": "4"}]),
        (" a , b \n1,2\na,b\n a , b \n", {}, [{"a": "1", "b": "2"}, {"a": "a", "b": "b"}]),
        ("a,b\n1\n1,2,3\n1,2\n", {}, [["1"], ["1", "2", "3"], {"a": "1", "b": "2"}]),
        ('a,b\n1,"x" y\n2,3\n', {}, [['1,"x" y'], {"a": "2", "b": "3"}]),
        ("a,b\r1,2\r3,4\r", {}, [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("a,b\n1,\x0b\u2028x\n", {}, [{"a": "1", "b": "\x0b\u2028x"}]),
        ("a,b\n", {}, []),
    ],
)
def test_rows_are_read_as_they_are_written(body: str, options: dict[str, str], records: list[Any]) -> None:
    """Delimiters, quotes, twin columns and broken rows: a row that does not fit the header is a list of its cells."""
    assert decode(body.encode(), CSV, **options) == records
    assert decode(body.encode(), CSV, size=1, **options) == records


@pytest.mark.parametrize(
    ("body", "items", "records"),
    [
        ("<a><b><c>1</c></b></a>", "a.b", [{"c": "1"}]),
        ("<a><x><b>1</b><b>2</b></x></a>", "a.x.b", [{"#text": "1"}, {"#text": "2"}]),
        ('<a><b id="1">text<i/>more</b></a>', "a.b", [{"@id": "1", "i": "", "#text": "textmore"}]),
        ("<feed><entry><id>1</id></entry></feed>", None, [{"id": "1"}]),
        ("<cars><car><id>1</id></car><car><id>2</id></car></cars>", None, [{"id": "1"}, {"id": "2"}]),
        (
            "<a><head><x>1</x></head><list><car><id>1</id></car><car/></list></a>",
            "a.list.car",
            [{"id": "1"}, {"#text": ""}],
        ),
        (
            "<d><n/><s><car><i>1</i></car><car><i>2</i></car><car><i>3</i></car></s></d>",
            None,
            [{"i": str(n)} for n in (1, 2, 3)],
        ),
    ],
)
def test_elements_are_found_by_their_path_or_because_they_repeat(
    body: str, items: str | None, records: list[Any]
) -> None:
    """`items` is the path from the root; without it a usual name or the first repetition decides."""
    assert decode(body.encode(), XML, items=items) == records
    assert decode(body.encode(), XML, size=1, items=items) == records


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-15"])
def test_an_encoding_is_declared_or_configured(encoding: str) -> None:
    """XML declares its encoding; other formats take it from the configuration, and so does XML that lies."""
    declared = RSS.replace("utf-8", encoding).replace("Lamp", "Lämp")
    assert decode(declared.encode(encoding), XML)[0]["title"] == "Lämp <b>"
    assert decode(RSS.replace("Lamp", "Lämp").encode(encoding), XML, encoding=encoding)[0]["title"] == "Lämp <b>"
    assert decode(ROWS.encode(encoding), CSV, encoding=encoding) == ROW_RECORDS
    assert decode(LINES.encode(encoding), JSONL, encoding=encoding) == LINE_RECORDS


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><b>&b;</b>'
EXTERNAL = '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/hostname">]><b>&a;</b>'
DTD = '<!DOCTYPE b SYSTEM "http://127.0.0.1:9/b.dtd"><b><c>1</c><c>2</c></b>'


@pytest.mark.parametrize(
    ("body", "body_format", "message"),
    [
        (BOMB.encode(), XML, "forbidden declaration: EntitiesForbidden"),
        (EXTERNAL.encode(), XML, "forbidden declaration: EntitiesForbidden"),
        (DTD.encode(), XML, "forbidden declaration: ExternalReferenceForbidden"),
        (b"<a>" * 10_000, XML, "nested deeper than 64 elements"),
        (b"<a><item><b>" + b"x" * 2_000_000, XML, "a record has more than 1,048,576 characters"),
        (b"<a><b>" + b"x" * 2_000_000, XML, "the beginning of the feed has more than 1,048,576 characters"),
        (b"<a><b></a>", XML, "not well-formed XML"),
        (b"id,x\n1," + b"x" * 2_000_000, CSV, "a row has more than 1,048,576 characters"),
        (b'id,x\n1,"' + b"x\n" * 1_000_000, CSV, "if a quote is not closed, set `quote`"),
        (b",".join([b"x"] * 5_000) + b"\n", CSV, "the header has 5,000 columns; check `delimiter`"),
        (b"x" * 2_000_000, JSONL, "a line has more than 1,048,576 bytes"),
        (b"id,x\n1,\xff\xe4\n", CSV, "the feed is not in UTF-8"),
        (b"", CSV, "the feed is empty"),
        (b"\x1f\x8b\x08\x00" + b"x" * 50, CSV, "the feed cannot be decompressed"),
    ],
)
def test_hostile_or_mistaken_feeds_are_errors(body: bytes, body_format: BodyFormat, message: str) -> None:
    """Entities, depth, sizes and wrong bytes are permanent errors that name what to change."""
    with pytest.raises(PermanentError, match=message):
        decode(body, body_format)


def test_a_path_that_leads_nowhere_names_the_paths_that_exist() -> None:
    """If `items` matches nothing, the error lists the paths of the feed."""
    with pytest.raises(NoRecordsError, match=r"`items: rss\.item` is not in the feed, which has rss, rss\.channel"):
        decode(RSS.encode(), XML, items="rss.item")
    with pytest.raises(NoRecordsError, match="no element of the feed repeats"):
        decode(b"<a><b><c>1</c></b></a>", XML)


def test_a_compression_bomb_needs_no_memory() -> None:
    """A feed that expands a thousand times is decompressed step by step, until a record is too large."""
    bomb = gzip.compress(b"id,x\n1," + b"x" * 100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(PermanentError, match="a row has more than"):
            decode(bomb, CSV)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_members_of_a_gzip_file_are_one_feed() -> None:
    """Several gzip members, and padding after them, are read as one feed."""
    body = gzip.compress(b"id,x\n1,2\n") + gzip.compress(b"3,4\n") + b"\0" * 10
    assert decode(body, CSV, size=3) == [{"id": "1", "x": "2"}, {"id": "3", "x": "4"}]


@pytest.mark.parametrize(
    ("media_type", "path", "start", "expected"),
    [
        ("text/csv; charset=utf-8", "/export", b"id,title", CSV),
        ("text/tab-separated-values", "/x", b"id\ttitle", TSV),
        ("application/xml", "/x", b"<products>", XML),
        ("application/octet-stream", "/x", b"\xef\xbb\xbf<?xml version", XML),
        ("text/plain", "/feed.tsv", b"id\ttitle", TSV),
        ("application/gzip", "/feed.csv.gz", gzip.compress(b"id,title\n"), CSV),
        ("application/x-ndjson", "/x", b'{"id": 1}\n{"id": 2}', JSONL),
        (None, "/products.jsonl.gz", gzip.compress(b'{"id": 1}\n'), JSONL),
        ("text/csv", "/x", b'{"error": "no such feed"}', None),
        ("application/json", "/products.json", b'[{"id": 1}]', None),
        ("text/html", "/x", b"<!DOCTYPE html><html>", None),
        ("text/csv", "/x.csv", b"<html><body>Sign in", None),
        ("text/html", "/x", b"<p>Hello", None),
        ("application/pdf", "/x.pdf", b"%PDF-1.7", None),
        ("application/json", "/x", b"", None),
    ],
)
def test_a_feed_is_recognised(media_type: str | None, path: str, start: bytes, expected: BodyFormat | None) -> None:
    """The first bytes, the Content-Type and the suffix decide; JSON and HTML are not feeds, whatever they claim."""
    assert recognise_format(media_type, path, start) is expected


def test_a_line_that_is_broken_is_left_to_the_normalizer() -> None:
    """A broken line in the middle of JSON Lines is passed on, since it is a record that is rejected and counted."""
    decoder = make_decoder(JSONL, FeedOptions())
    lines = [bytes(raw) for raw in decoder.feed(b'{"id": 1}\n{"id": \n{"id": 2}\n')]
    assert lines == [b'{"id": 1}', b'{"id":', b'{"id": 2}']
    assert list(decoder.finish()) == []
    with pytest.raises(TruncatedFeedError, match="within its last line"):
        decode(b'{"id": 1}\n{"id": ', JSONL)
