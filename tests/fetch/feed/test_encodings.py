"""The text of feeds: bytes that are not in the encoding, and characters that are split or cut."""

import pytest
from helpers.decoding import decode_until_error
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.request import BodyFormat
from pipeline.errors import PermanentError, TruncatedFeedError

CSV, XML, JSONL = BodyFormat.CSV, BodyFormat.XML, BodyFormat.JSONL


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("size", [1, 5, 1 << 16])
def test_the_rows_before_undecodable_bytes_are_read(size: int, mark: bytes) -> None:
    """The rows before the first wrong byte are yielded; the error names its position and the key."""
    body = mark + b"id,title\n1,a\n2,\xc3\xa4\n3,\xe4bc\n4,d\n"
    records, error = decode_until_error(body, CSV, size=size)
    assert records[:2] == [{"id": "1", "title": "a"}, {"id": "2", "title": "ä"}]
    assert len(records) == 2
    assert type(error) is PermanentError
    wrong = body.index(b"\xe4bc")
    assert str(error) == f"the feed is not in UTF-8 (byte {wrong}); set `encoding`, for example windows-1252"


@pytest.mark.parametrize(
    ("body_format", "text"), [(CSV, "id,title\n1,ä\n2,Lampe für"), (JSONL, '{"id": 1}\n{"id": "für"')]
)
def test_a_feed_that_ends_within_a_character_is_cut_off(body_format: BodyFormat, text: str) -> None:
    """The first byte of a character at the end is a cut, which a retry may heal, and not a wrong encoding."""
    body = text.encode()
    end = body.index("ü".encode()) + 1
    records, error = decode_until_error(body[:end], body_format)
    assert len(records) == 1
    assert type(error) is TruncatedFeedError
    assert "set `encoding`" in str(error)


@given(
    st.lists(
        st.text(st.characters(codec="gb18030", categories=["L", "N"]), min_size=1, max_size=6), min_size=1, max_size=4
    ),
    st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32", "gb18030", "utf-8-sig"]),
    st.integers(1, 30),
)
def test_characters_that_chunks_split_come_back(texts: list[str], encoding: str, size: int) -> None:
    """With `encoding`, the characters of each format may lie across the borders of chunks."""
    xml = "<a>" + "".join(f"<item><t>{text}</t></item>" for text in texts) + "</a>"
    table = "t\n" + "".join(f'"{text}"\n' for text in texts)
    lines = "".join(f'{{"t": "{text}"}}\n' for text in texts)
    expected = [{"t": text} for text in texts]
    rows = [row for row in expected if row["t"] != "t"]  # a repetition of the header
    assert decode_until_error(xml.encode(encoding), XML, size=size, encoding=encoding) == (expected, None)
    assert decode_until_error(table.encode(encoding), CSV, size=size, encoding=encoding) == (rows, None)
    assert decode_until_error(lines.encode(encoding), JSONL, size=size, encoding=encoding) == (expected, None)


def test_xml_that_is_not_in_the_given_encoding_is_an_error() -> None:
    """No character is replaced in silence."""
    body = b"<a><item><t>1</t></item><item><t>\xe4</t></item></a>"
    records, error = decode_until_error(body, XML, encoding="utf-8")
    assert records == [{"t": "1"}]
    assert type(error) is PermanentError
    assert "not in utf-8 (byte 33)" in str(error)


@pytest.mark.parametrize("declared", ["gbk", "shift_jis", "no-such-encoding"])
def test_an_encoding_that_the_parser_lacks_is_an_error_with_a_remedy(declared: str) -> None:
    """Expat has no encodings of several bytes except Unicode; `encoding` helps for those that Python has."""
    text = f'<?xml version="1.0" encoding="{declared}"?><a><item><t>中</t></item></a>'
    body = text.encode("gbk")
    records, error = decode_until_error(body, XML)
    assert records == []
    assert type(error) is PermanentError
    assert "declared encoding is not supported" in str(error)
    assert decode_until_error(body, XML, encoding="gbk") == ([{"t": "中"}], None)
