"""Where the records stand in a response body, and what is said when there are none to be found."""

import contextlib
import json

import pytest
from helpers.support import find_records
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.record_paths import items_error
from pipeline.errors import PermanentError
from pipeline.fetch.content.envelope import MISSING, Envelope
from pipeline.fetch.content.records import USUAL_KEYS, RecordFinder
from pipeline.redaction import Secrets

RECORDS = [{"id": 1, "price": 12.50}, {"id": 2, "tags": ["a", {"b": None}]}]
TEXT = json.dumps(RECORDS)

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
KEYS = st.one_of(st.text(max_size=5), st.sampled_from([*USUAL_KEYS, "page", "a.b"]))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)
PATHS = st.one_of(
    st.none(),
    st.text(alphabet="abdti.]0[", max_size=8).filter(lambda path: path[:1] != "[" and not items_error(path)),
    st.sampled_from(["data", "data.items", "data[0]", "a.b"]),
)


def found(body: str | bytes, path: str | None = None) -> list[object]:
    """The records found, decoded: what they are does not matter to the search, only where they are."""
    raw = body if isinstance(body, bytes) else body.encode()
    return [json.loads(bytes(record)) for record in find_records(raw, path)]


@pytest.mark.parametrize(
    "body",
    [
        TEXT,
        f"  \r\n\t{TEXT}\n",
        f"{' ' * 1000}{TEXT}",
        "\ufeff" + TEXT,
        *[f'{{"{key}": {TEXT}}}' for key in ("products", "items", "data", "results")],
        f'{{"page": 1, "total": null, "items": {TEXT}, "next": "?page=2"}}',
        f'{" " * 1000}{{{" " * 1000}"items"{" " * 1000}:{" " * 1000}{TEXT}}}',
        '\ufeff{"products": ' + TEXT + "}",
    ],
)
def test_usual_shapes_need_no_configuration(body: str) -> None:
    """A top-level list, or one under a usual key, is found, whatever white space or byte order mark stand before it."""
    assert found(body) == RECORDS


@pytest.mark.parametrize(
    "body",
    [
        f'{{"catalogue": {TEXT}}}',
        f'{{"status": "ok", "payload": {{"list": {TEXT}, "count": 2}}}}',
        f'{{"data": {{"products": {TEXT}}}}}',
        f'{{"a": {{"b": {{"c": {TEXT}}}}}}}',
        f'{{"tags": ["new", "sale"], "pages": [1, 2, 3], "rows": {TEXT}}}',
        f'{{"warnings": [], "rows": {TEXT}}}',
        f'{{"mixed": [{{"id": 9}}, 5], "rows": {TEXT}}}',
    ],
)
def test_only_list_of_objects_is_found_under_any_name(body: str) -> None:
    """Where no usual key holds a list, the only list of objects counts; lists of anything else do not compete."""
    assert found(body) == RECORDS


def test_usual_key_with_records_wins_over_an_empty_one() -> None:
    """Of several usual keys the first that has any records counts, in the order of the documentation."""
    assert found(f'{{"products": [], "results": {TEXT}}}') == RECORDS
    assert found(f'{{"results": [{{"id": 7}}], "items": {TEXT}}}') == RECORDS
    assert USUAL_KEYS[:4] == ("products", "items", "data", "results")


def test_usual_key_wins_over_other_lists() -> None:
    """A list of objects elsewhere, such as of facets, is no rival to one under a usual key, even an empty one."""
    assert found(f'{{"facets": [{{"name": "x"}}], "items": {TEXT}}}') == RECORDS
    assert found('{"facets": [{"name": "x"}], "items": []}') == []


@pytest.mark.parametrize("body", ["[]", " [ ] ", '{"items": []}', '{"data": {"rows": []}, "total": 0}', '{"rows": []}'])
def test_empty_list_is_an_empty_page(body: str) -> None:
    """An empty list where the records would stand is a page without records: the end, and no error."""
    assert found(body) == []


def test_records_of_any_kind_are_taken_as_they_are() -> None:
    """Which record is usable is not decided here: scalars in the list of records are handed on too."""
    assert found('[1, "a", null, {"id": 2}, [3]]') == [1, "a", None, {"id": 2}, [3]]
    assert found('{"items": [1, 2]}') == [1, 2]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("products", f'{{"products": {TEXT}}}'),
        ("stock.shelf", f'{{"stock": {{"shelf": {TEXT}, "other": [{{"id": 3}}]}}}}'),
        ("a.b.c.d.e.f", f'{{"a": {{"b": {{"c": {{"d": {{"e": {{"f": {TEXT}}}}}}}}}}}}}'),
        ("rows", f'{{"items": [{{"id": 3}}], "rows": {TEXT}}}'),
    ],
)
def test_dotted_path_names_the_list(path: str, body: str) -> None:
    """A configured path is followed however deep it leads, and wins over the usual keys."""
    assert found(body, path) == RECORDS


@pytest.mark.parametrize(
    "body",
    ['{"list": [], "warnings": []}', '{"data": {"items": [], "facets": [{"id": 1}]}}', '{"data": {"items": []}}'],
)
def test_last_page_is_empty_whatever_else_is_in_it(body: str) -> None:
    """Where the list under usual keys is empty, or the one that had the records before, the page is."""
    finder = RecordFinder(records_path="list")
    assert finder.find(body.encode()) == []


# What APIs say with status 200 when something went wrong.
APOLOGIES = [
    '{"success": false, "message": "internal error", "errors": []}',
    '{"error": {"code": 17, "details": []}}',
    '{"products": null, "facets": []}',
    '{"data": null, "errors": [], "trace": []}',
    '{"data": [], "error": "upstream timeout"}',
    '{"items": [], "errors": [{"code": 1}]}',
    '{"items": [], "success": false}',
    "{}",
    '{"data": {}}',
]


@pytest.mark.parametrize("body", APOLOGIES)
@pytest.mark.parametrize("page", ["first", "later"])
def test_an_apology_with_an_empty_list_in_it_is_no_end(body: str, page: str) -> None:
    """A list that is empty says that all has come only where records stood, and where no error stands beside it."""
    finder = RecordFinder()
    if page == "later":
        assert len(finder.find(b'{"rows": [{"id": 1}], "errors": []}')) == 1
    with pytest.raises(PermanentError):
        finder.find(body.encode())


def test_where_records_stood_they_are_out_of_stock() -> None:
    """A list under an unusual key is remembered by its place: there, and only there, it may be empty."""
    finder = RecordFinder()
    assert finder.records_path is None
    finder.find(b'{"result_set": {"rows": [{"id": 1}]}}')
    assert finder.records_path == "result_set.rows"
    assert finder.find(b'{"result_set": {"rows": [], "hints": []}}') == []
    with pytest.raises(PermanentError, match="no list of records"):
        finder.find(b'{"result_set": {"hints": []}}')


def test_no_secret_is_shown_not_even_its_beginning() -> None:
    """What an error shows of a body is cut after the secrets are out of it."""
    secrets = Secrets({"sk_live_51H8xQ2eZvKYlo2C9aBcD0123456": "${KEY}"})
    with pytest.raises(PermanentError) as caught:
        RecordFinder(redact=secrets.redact).find(b"<p>bad key sk_live_51H8xQ2eZvKYlo2C9aBcD0123456</p>")
    assert "sk_live" not in caught.value.text
    assert "bad key ${KEY}" in caught.value.text


def test_list_under_usual_keys_of_usual_keys_is_found() -> None:
    """`data.items` is found before any other list, however many objects those hold."""
    assert found('{"data": {"items": [{"id": 1}], "facets": [{"id": 8}, {"id": 9}]}}') == [{"id": 1}]


def test_top_level_list_counts_whatever_the_path() -> None:
    """A body that is itself a list is the page, as an API's bare ``[]`` at the end is, though a path is configured."""
    assert found(TEXT, "data.items") == RECORDS
    assert found("[]", "data.items") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("products.*", '{"products": {"7": {"id": 1}, "8": {"id": 2}}}'),
        ("*", '{"7": {"id": 1}, "8": {"id": 2}}'),
        ("result[1].rows", '{"result": [{"rows": []}, {"rows": [{"id": 1}, {"id": 2}]}]}'),
        ("[0].rows", '[{"rows": [{"id": 1}, {"id": 2}]}, {"total": 2}]'),
        ("rows[0][1]", '{"rows": [[0, [{"id": 1}, {"id": 2}]]]}'),
        ("a.*", '{"a": {"*": [{"id": 1}, {"id": 2}]}}'),
    ],
)
def test_records_are_values_of_an_object_or_within_an_element(path: str, body: str) -> None:
    """A path leads to the values of an object by ``*``, and through the elements of lists by their indices."""
    assert found(body, path) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("rows", '{"items": [], "total": 0}', "the body has no 'rows' of `items: rows`, which has 'items', 'total'"),
        ("a.b", '{"a": {"c": []}}', "no 'b' of `items: a.b`"),
        ("a", '{"a": {"b": []}}', "`items: a` is not a list in the body"),
        ("a", '{"a": null}', "`items: a` is not a list in the body"),
        ("a", '{"a": {"b": {}}}', "give the path of a list; `items: a.*` are the values of the object"),
        ("a[1].b", '{"a": [{"b": []}]}', "the body has no element [1] of `items: a[1].b`"),
        ("a[0]", '{"a": {"b": []}}', "the body has no element [0] of `items: a[0]`"),
        ("a.*", '{"a": []}', "the parent of '*' in `items: a.*` is not an object in the body"),
        ("a.b", '{"a": [{"b": []}]}', ""),
        ("a", "{}", "no 'a'"),
    ],
)
def test_path_that_leads_nowhere_is_explained(path: str, body: str, message: str) -> None:
    """When the configured path does not lead to a list, the error says where it ends."""
    with pytest.raises(PermanentError) as caught:
        find_records(body.encode(), path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"a": [{"id": 1}], "b": [{"id": 2}]}', "2 lists of records in the body, which has 'a', 'b'"),
        ('{"error": "no such page"}', "no list of records in the body, which has 'error'"),
        ('{"tags": ["x", "y"]}', "no list of records"),
        ("{}", "no list of records"),
    ],
)
def test_ambiguity_is_an_error_and_no_guess(body: str, message: str) -> None:
    """Where several lists might be meant, or none is there, the error tells to name it with ``items``."""
    with pytest.raises(PermanentError, match="name it with `items`") as caught:
        find_records(body.encode())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"<!DOCTYPE html><html><body>Bad gateway", "HTML"),
        (b"\n  <?xml version='1.0'?><a/>", "HTML or XML"),
        (b'"text"', "bare JSON value"),
        (b"42", "bare JSON value"),
        (b"null", "bare JSON value"),
        (b"true", "bare JSON value"),
        (b"[1, 2", "malformed JSON"),
        (b'{"items": [', "malformed JSON"),
        (b'{"items": [1,]}', "malformed JSON"),
        (b'{"items": [{"a": tru}]}', "malformed JSON"),
        (b"{'items': []}", "malformed JSON"),
        (b'{"items": [{"price": Infinity}}', "malformed JSON"),
        (b"[01]", "malformed JSON"),
        (b"[1] trailing", "malformed JSON"),
        (b'[1] <script src="advert"></script>', "malformed JSON"),
        (b"not json", "malformed JSON"),
        (b'{"\xff": []}', "malformed JSON"),
        ("[1]".encode("utf-16"), "malformed JSON"),
        (b"\x1f\x8b\x08\x00", "malformed JSON"),
    ],
)
def test_what_is_no_json_says_what_it_is(body: bytes, message: str) -> None:
    """Empty, HTML, scalar and malformed bodies are permanent errors that tell one from the other."""
    with pytest.raises(PermanentError, match=message):
        find_records(body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"items":[', b'[{"a":'])
@pytest.mark.parametrize("depth", [900, 1_000, 1_100, 100_000])
@pytest.mark.parametrize("path", [None, "a.a"])
def test_deep_nesting_is_no_crash(opening: bytes, depth: int, path: str | None) -> None:
    """A body nested too deep to be read is a permanent error, and none that the interpreter's stack feels."""
    with pytest.raises(PermanentError):
        find_records(opening * depth, path)


def test_records_are_views_not_copies() -> None:
    """A record's bytes are those of the body, as they stand there, numbers and white space included."""
    body = b'{"items": [ {"price" : 1.10e2 , "x":[ ]} , 12.50 ]}'
    assert [bytes(record) for record in find_records(body)] == [b'{"price" : 1.10e2 , "x":[ ]}', b"12.50"]


@given(st.one_of(st.binary(), st.text(alphabet='{}[]",:.0123456789eE-tfn \\u').map(str.encode)), PATHS)
def test_any_bytes_give_records_or_a_permanent_error(body: bytes, path: str | None) -> None:
    """No body whatever raises anything but a permanent error."""
    with contextlib.suppress(PermanentError):
        assert all(bytes(record) in body for record in find_records(body, path))


@given(JSON, PATHS, st.integers(min_value=0, max_value=70))
def test_any_json_gives_records_or_a_permanent_error(value: object, path: str | None, blanks: int) -> None:
    """Of any JSON the records found are elements of one of its lists, and a top-level list is found always."""
    body = " " * blanks + json.dumps(value, indent=blanks or None)
    try:
        records = found(body, path)
    except PermanentError:
        assert not isinstance(value, list)
        return
    assert records in list(lists_in(value))


@given(st.lists(SCALARS), st.sampled_from(USUAL_KEYS), st.dictionaries(st.text(max_size=5).map("x_{}".format), JSON))
def test_usual_key_is_found_among_any_others(records: list[object], key: str, others: dict[str, object]) -> None:
    """A list under a usual key is the page, whatever else the body holds."""
    assert found(json.dumps({**others, key: records})) == records


def lists_in(value: object) -> list[object]:
    """Every list within a JSON value, itself included."""
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return [value] * isinstance(value, list) + [each for element in inner for each in lists_in(element)]


@given(JSON, PATHS, st.sampled_from(["", "\ufeff"]), st.sampled_from(["", "]", ', "id": {]}']))
def test_shared_envelope_changes_neither_the_records_nor_the_members(
    document: object, path: str | None, mark: str, end: str
) -> None:
    """The search finds the same records with an envelope, in which all members are then found as before."""
    body = f"{mark}{json.dumps(document)}{end}".encode()
    envelope, untouched = Envelope(body), Envelope(body)
    outcomes = []
    for given_envelope in (envelope, None):
        try:
            outcomes.append([bytes(record) for record in RecordFinder(path).find(body, given_envelope)])
        except PermanentError as error:
            outcomes.append(error.text)
    assert outcomes[0] == outcomes[1]
    for key in document if isinstance(document, dict) else ("data", ""):
        assert envelope.value(key, MISSING) == untouched.value(key, MISSING)
