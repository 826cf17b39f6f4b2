"""The records of XML feeds: which elements they are, and those before an error."""

import pytest
from helpers.decoding import decode_until_error

from pipeline.config.request import BodyFormat
from pipeline.errors import NoRecordsError, PermanentError

YML = (
    '<yml_catalog><shop><currencies><currency id="EUR" rate="1"/><currency id="USD" rate="0.9"/></currencies>'
    '<categories><category id="1">Lamps</category><category id="2">Chairs</category></categories>'
    '<offers><offer id="9"><price>5</price></offer></offers></shop></yml_catalog>'
)


@pytest.mark.parametrize("size", [1, 1 << 16])
def test_categories_before_the_offers_are_not_the_records(size: int) -> None:
    """Elements that repeat, but have attributes alone, are passed over; Yandex Market's format begins with such."""
    assert decode_until_error(YML.encode(), BodyFormat.XML, size=size) == ([{"@id": "9", "price": "5"}], None)


def test_records_of_attributes_alone_need_their_path() -> None:
    """Without a usual name, `items` is asked for; with it, the attributes are the record."""
    body = b'<rows><row id="1"/><row id="2"/></rows>'
    assert isinstance(decode_until_error(body, BodyFormat.XML)[1], NoRecordsError)
    assert decode_until_error(body, BodyFormat.XML, items="rows.row") == ([{"@id": "1"}, {"@id": "2"}], None)


def test_equal_values_that_repeat_are_all_kept() -> None:
    """A list has an element's value as often as the element occurs, empty ones included."""
    body = b"<a><item><t>x</t><t>x</t><e/><e/><e/></item></a>"
    assert decode_until_error(body, BodyFormat.XML) == ([{"t": ["x", "x"], "e": ["", "", ""]}], None)


@pytest.mark.parametrize("rest", ["<item></b>", "<item>" + "<b>" * 100, "<item>" + "x" * (1 << 20), "</a><a/>"])
def test_the_records_before_an_error_are_read(rest: str) -> None:
    """What is wrong later in the same chunk does not lose a record."""
    records, error = decode_until_error(f"<a><item><t>1</t></item>{rest}".encode(), BodyFormat.XML, size=1 << 22)
    assert records == [{"t": "1"}]
    assert type(error) is PermanentError
