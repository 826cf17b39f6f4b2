"""Bodies that are JSON but for a record: taken apart where msgspec takes none of it."""

import json
from typing import Any

import msgspec
import pytest
from helpers.support import find_records
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PermanentError
from pipeline.fetch.content.lenient import split_list, split_object

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
BLANKS = st.sampled_from([None, 0, 2])


def dumped(value: Any) -> str:
    return json.dumps(value)


@given(st.lists(VALUES), BLANKS)
def test_lists_are_taken_apart_as_python_reads_them(values: list[Any], indent: int | None) -> None:
    """NaN, infinities and lone surrogates among them, whatever the blanks between."""
    pieces = split_list(b" " + json.dumps(values, indent=indent).encode() + b"\n")
    assert [dumped(json.loads(bytes(piece))) for piece in pieces] == [dumped(value) for value in values]


@given(st.dictionaries(st.text(), VALUES), BLANKS)
def test_objects_are_taken_apart_as_python_reads_them(values: dict[str, Any], indent: int | None) -> None:
    """Each member by its name."""
    pieces = split_object(json.dumps(values, indent=indent).encode())
    assert {name: dumped(json.loads(bytes(p))) for name, p in pieces.items()} == {
        name: dumped(value) for name, value in values.items()
    }


@pytest.mark.parametrize("body", ["", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]", "[1] [2]", "{}", "[tru]", "['a']"])
def test_what_is_no_list_is_refused(body: str) -> None:
    """Torn, doubled and mistyped lists are a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        split_list(body.encode())


@pytest.mark.parametrize(
    "body", ["", "{", '{"a"}', '{"a":}', '{"a":1,}', "{1: 2}", "{a: 1}", '{"a":1} x', "[]", "{NaN: 1}"]
)
def test_what_is_no_object_is_refused(body: str) -> None:
    """So are objects without names, values or ends."""
    with pytest.raises(ValueError, match=r"."):
        split_object(body.encode())


@pytest.mark.parametrize(
    "body", [b'[%b, {"id": 2}]', b'{"items": [%b, {"id": 2}], "note": NaN}', b'{"a": [%b, {"id": 2}]}']
)
@pytest.mark.parametrize("record", [b'{"id": NaN}', rb'{"id": "\udc00"}', b'{"id": "\xff"}', b'{"id": "a\0"}'])
def test_a_broken_record_costs_no_other(body: bytes, record: bytes) -> None:
    """Its page is found to be one, and its bytes arrive as they were sent."""
    first, second = find_records(body % record)
    assert bytes(first) == record
    assert bytes(second) == b'{"id": 2}'


@pytest.mark.parametrize("body", [b'{"items": [], "total": NaN}', b'{"\xff": []}', b'{"items": [NaN], "items": []}'])
def test_what_is_broken_and_empty_is_no_end(body: bytes) -> None:
    """An empty list ends an endpoint; one that only a lenient look can see does not."""
    with pytest.raises(PermanentError, match="malformed JSON"):
        find_records(body)


@given(
    st.binary() | VALUES.map(lambda value: json.dumps(value).encode()), st.none() | st.sampled_from(["a", "a.b", ""])
)
def test_no_body_is_too_strange(body: bytes, path: str | None) -> None:
    """Random bytes and random JSON are a list of records or one of our errors."""
    try:
        records = find_records(body, path)
    except PermanentError:
        records = []
    assert all(isinstance(record, msgspec.Raw) for record in records)
