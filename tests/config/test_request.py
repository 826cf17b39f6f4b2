"""The request of an endpoint, the places in it that paging fills, and the format of the response."""

from typing import Any

import pytest

from pipeline.config.load import load
from pipeline.config.request import with_value
from pipeline.errors import ConfigError

SEARCH = {"method": "POST", "json": {"query": "shoes", "page": {"from": 0}, "parts": [{"size": "10"}]}}


def problems_with(**keys: Any) -> list[str]:
    """Return the problems of an endpoint with these keys."""
    with pytest.raises(ConfigError) as raised:
        load({"endpoints": [{"name": "shop", "url": "https://shop.example/search", **keys}]}, environ={})
    return [str(problem).removeprefix("endpoints.0.") for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"request": {"json": {}}}, "request.json: is a body, which a GET request does not have; add `method: POST`"),
        (
            {"request": {"method": "POST", "json": {}, "form": {}}},
            "request.form: conflicts with `json`; a request has one body",
        ),
        (
            {"request": "POST", "paging": {"style": "page", "into": "json.page"}},
            "paging.into: 'json.page' needs a body in `request.json`",
        ),
        (
            {"request": SEARCH, "paging": {"style": "page", "into": "page"}},
            "paging.into: 'page' is not a place in a request; expected query.NAME, json.PATH or form.NAME",
        ),
        (
            {"request": SEARCH, "paging": {"style": "page", "into": "json.parts[3].page"}},
            (
                "paging.into: 'json.parts[3].page' does not fit `request.json`; "
                "expected a path such as json.variables.after"
            ),
        ),
        (
            {"paging": {"style": "page", "into": "query.p", "parameter": "p"}},
            "paging.into: conflicts with `parameter`; keep one of them",
        ),
        ({"paging": {"style": "page", "size_into": "query.n"}}, "paging.size_into: also needs `size`"),
        ({"paging": {"style": "cursor", "template": "x"}}, "paging.template: Expected a text with `{}` in it, got 'x'"),
        ({"format": "pdf"}, "format: Expected one of json, jsonl, csv, tsv, xml, got 'pdf'"),
        ({"quote": "''"}, "quote: Expected one character, with or without a backslash, got \"''\""),
        (
            {"encoding": "klingon"},
            "encoding: 'klingon' is not a known encoding; expected a name such as utf-8 or windows-1252",
        ),
        (
            {"items": "a..b"},
            "items: 'a..b' is not a dotted path (examples: data.products, result[0].items, products.*)",
        ),
    ],
)
def test_each_mistake_names_its_key_and_a_remedy(keys: dict[str, Any], problem: str) -> None:
    """A request, a place or a format that cannot be used is an error that names the key."""
    assert problems_with(**keys) == [problem]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("page", "from"), "20", {"query": "shoes", "page": {"from": 20}, "parts": [{"size": "10"}]}),
        (("parts", 0, "size"), 20, {"query": "shoes", "page": {"from": 0}, "parts": [{"size": "20"}]}),
        (("after", "cursor"), "20", {**SEARCH["json"], "after": {"cursor": "20"}}),  # type: ignore[dict-item]  # a nested literal
    ],
)
def test_a_value_takes_the_type_of_what_was_written_there(path: Any, value: Any, expected: Any) -> None:
    """A number replaces a number and a text a text; a place that is new keeps the value as it is."""
    before = str(SEARCH)
    assert with_value(SEARCH["json"], path, value) == expected
    assert str(SEARCH) == before


def test_references_in_a_body_are_expanded_and_are_no_part_of_the_definition() -> None:
    """A body may name an environment variable; a value under the name of a secret is not in the definition."""
    entry = {
        "name": "shop",
        "url": "https://shop.example/search",
        "request": {"method": "POST", "json": {"api_key": "${KEY}", "filters": [{"shop": "${SHOP}"}], "page": 1}},
    }
    (endpoint,) = load({"endpoints": [entry]}, environ={"KEY": "k-123456789", "SHOP": "north"}).endpoints
    assert endpoint.request.json == {"api_key": "k-123456789", "filters": [{"shop": "north"}], "page": 1}
    assert "k-123456789" not in str(endpoint.definition)
    assert "north" in str(endpoint.definition)
    assert "k-123456789" not in endpoint.secrets.redact("the key k-123456789 is wrong")


def test_a_users_body_changes_members_of_a_presets() -> None:
    """A member of the body that a user writes replaces that of the preset; the query and other members stay."""
    entry = {
        "name": "shop",
        "url": "https://shop.example",
        "preset": "saleor",
        "request": {"json": {"variables": {"channel": "pl"}}},
    }
    (endpoint,) = load({"endpoints": [entry]}, environ={}).endpoints
    assert endpoint.request.json is not None
    assert endpoint.request.json["variables"] == {"first": 100, "after": None, "channel": "pl"}
    assert endpoint.request.is_graphql
    assert endpoint.url == "https://shop.example/graphql/"
