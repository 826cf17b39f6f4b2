"""The envelope of a body: any bytes are accepted, and members are found at dotted paths."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fetch.content.envelope import MISSING, Envelope, as_count, as_text

BODY = b"""{
  "total": 3, "meta": {"page": {"number": "1"}, "empty": {}, "none": null}, "@odata.nextLink": "/p?2", "a.b": 7,
  "links": [{"rel": "SELF", "href": "/p?1"}, "odd", {"rel": "next", "href": "/p?2"}, {"rel": "prev", "url": "/p?0"}],
  "records": [{"id": 1}]
}"""

PATHS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", ".", "..", "a", "a.b", "links[next]", "links[", "links]", "[next]", "a.[b]", "@odata.nextLink"]
    ),
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("total", 3),
        ("meta.page.number", "1"),
        ("meta.page", {"number": "1"}),
        ("meta.none", None),
        ("@odata.nextLink", "/p?2"),
        ("a.b", 7),
        ("links[next]", "/p?2"),
        ("links[self]", "/p?1"),
        ("links[prev]", "/p?0"),
        ("links[1]", "odd"),
        ("links[3].url", "/p?0"),
        ("records[0].id", 1),
    ],
)
def test_a_value_is_found_at_its_path(path: str, value: object) -> None:
    """A path leads through objects and lists, to a key that contains a point, and to the link of a relation."""
    assert Envelope(BODY).value(path, MISSING) == value


@pytest.mark.parametrize(
    "path",
    [
        "other",
        "meta.other",
        "total.value",
        "records.id",
        "links[last]",
        "links[4]",
        "meta[0]",
        "meta[next]",
        "total[next]",
        "",
        ".",
    ],
)
def test_a_path_that_leads_nowhere_gives_the_default(path: str) -> None:
    """Absent keys, members of numbers and lists, and relations without a link give the default."""
    assert Envelope(BODY).value(path, MISSING) is MISSING


def test_only_objects_with_members_are_objects() -> None:
    """An empty object, a list and a number have no members."""
    envelope = Envelope(BODY)
    found = {path: envelope.has_object(path) for path in ("", "meta", "meta.page", "meta.empty", "links", "total", "x")}
    assert {path for path, is_object in found.items() if is_object} == {"", "meta", "meta.page"}


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"next": "/p", "total": 2}',
        b'{"items": [{"price": NaN}], "next": "/p", "total": 2}',
        b'{"items": [{"name": "\x01"}], "next": "/p", "total": 2}',
        b' \r\n\t{"items": [{"name": "\\ud800"}], "next": "/p", "total": 2}',
    ],
)
def test_a_broken_record_does_not_hide_the_members(body: bytes) -> None:
    """The members beside a broken record, and after a byte order mark, are found."""
    envelope = Envelope(body)
    assert (envelope.value("next"), envelope.value("total")) == ("/p", 2)


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"null", b'{"total": 3', b"<html>", b"{" * 50_000, b"\xff\xfe"])
def test_a_body_that_is_no_object_has_no_members(body: bytes) -> None:
    """Lists, other values, truncated objects, text and deep nesting have no members."""
    envelope = Envelope(body)
    assert envelope.value("total", MISSING) is MISSING
    assert not envelope.has_object("")


@pytest.mark.parametrize("digits", [25, 4_000, 5_000, 100_000])
def test_a_number_that_is_too_long_is_no_count(digits: int) -> None:
    """A number of any length is looked up, and is no plausible count."""
    value = Envelope(b'{"total": ' + b"9" * digits + b"}").value("total")
    assert as_count(value) is None


BODIES = st.one_of(
    st.binary(max_size=60),
    st.binary(max_size=30).map(lambda body: b'{"a": ' + body),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["a", "links", "rel", "href", "b"]) | st.text(max_size=3), inner, max_size=3
            )
        ),
        max_leaves=12,
    ).map(msgspec.json.encode),
)


@given(BODIES, PATHS)
def test_no_body_and_no_path_is_too_strange(body: bytes, path: str) -> None:
    """A look-up never fails."""
    envelope = Envelope(body)
    envelope.value(path, MISSING)
    envelope.has_object(path)


@given(BODIES, PATHS)
def test_members_are_the_same_whether_split_at_once_or_kept_as_bytes(body: bytes, path: str) -> None:
    """A value does not depend on how much of the body was decoded together with it."""
    envelope = Envelope(body)
    assert envelope.value(path, MISSING) == envelope.exact.value(path, MISSING)
    assert envelope.has_object(path) == envelope.exact.has_object(path)


def test_the_bytes_of_a_value_are_those_of_the_body() -> None:
    """A number has the digits that were received, also beside members that are decoded."""
    envelope = Envelope(b'{"shop": {"fee": 12.50}, "fee": 1.0e2}')
    assert (envelope.value("fee"), envelope.value("shop.fee")) == (100.0, 12.5)
    found = [envelope.raw(path) for path in ("fee", "shop.fee", "shop.none")]
    assert [value and bytes(value) for value in found] == [b"1.0e2", b"12.50", None]


@pytest.mark.parametrize(
    ("value", "text", "count"),
    [
        (7, "7", 7),
        (0, "0", 0),
        ("12", "12", 12),
        (-1, "-1", None),
        ("", None, None),
        ("many", "many", None),
        ("٣", "٣", None),
        ("9" * 30, "9" * 30, None),
        (True, None, None),
        (None, None, None),
        (1.5, None, None),
        ([1], None, None),
    ],
)
def test_texts_and_counts(value: object, text: str | None, count: int | None) -> None:
    """A count is a whole number from 0 on, also one written as text; a flag is neither text nor count."""
    assert (as_text(value), as_count(value)) == (text, count)
