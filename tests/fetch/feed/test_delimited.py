"""The header of CSV feeds: the delimiter that is found in it, and headers that cannot be read."""

from typing import Any

import pytest
from helpers.decoding import decode_until_error

from pipeline.config.request import BodyFormat
from pipeline.errors import PermanentError


@pytest.mark.parametrize("size", [1, 2, 3, 1 << 16])
@pytest.mark.parametrize(
    ("body", "records"),
    [
        ("\n\r\n\na;b\n1;2\n", [{"a": "1", "b": "2"}]),
        ('"a\n,,,";b\n1;2\n', [{"a\n,,,": "1", "b": "2"}]),
        ('"a ""x"", y"|b\r\n1|2\r\n', [{'a "x", y': "1", "b": "2"}]),
        ('\n"a"\tb\n1\t,;|,;|\n', [{"a": "1", "b": ",;|,;|"}]),
    ],
)
def test_the_delimiter_is_that_of_the_whole_header(body: str, records: list[Any], size: int) -> None:
    """Blank lines before the header, line ends in its cells and the borders of chunks do not change the delimiter."""
    assert decode_until_error(body.encode(), BodyFormat.CSV, size=size) == (records, None)


@pytest.mark.parametrize("size", [1, 1 << 16])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\n\r\n\n", "the feed is empty: it has no header"),
        (b'"id" number,title\n1,Lamp\n2,Chair\n', "the header is not valid CSV.*`format`, `delimiter` and `quote`"),
    ],
)
def test_a_row_never_takes_the_place_of_the_header(body: bytes, message: str, size: int) -> None:
    """A feed without a header, or with a broken one, is an error and yields nothing."""
    records, error = decode_until_error(body, BodyFormat.CSV, size=size)
    assert records == []
    with pytest.raises(PermanentError, match=message):
        raise error or AssertionError
