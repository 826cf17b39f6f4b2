"""Behaviours of real servers: past the end, unknown parameters, media types, and error bodies."""

import subprocess
import sys
from typing import Any

import pytest
from helpers.mock_shops import in_process

from mockapi.behaviours import PAST_END, UNKNOWN_PARAMETERS, accepts
from mockapi.errors import ERRORS
from mockapi.personas import NAMES, POSTED, path
from mockapi.settings import Settings

JSON_API = "application/vnd.api+json"
# A persona per way of paging, with the query of its third and its ninth page of five.
PAGED = {
    "api1": ("page=3", "page=9"),
    "api3": ("page=3", "page=9"),
    "platzi": ("offset=10", "offset=40"),
    "bigcommerce": ("page=3", "page=9"),
    "pages_from_zero": ("page=2", "page=8"),
}
SMALL: dict[str, Any] = {"pages": 3, "per_page": 5}


def url(name: str, query: str) -> str:
    """Return the path of a persona's products with a query."""
    return path(name) + ("&" if "?" in path(name) else "?") + query


def ids(body: Any) -> list[Any]:
    """Return the ids of the records in the body of a page."""
    records = body if isinstance(body, list) else next(value for value in body.values() if isinstance(value, list))
    return [next(iter(record.values())) for record in records]


@pytest.mark.parametrize("name", PAGED)
@pytest.mark.parametrize("status", [key for key in PAST_END if key.isdigit()])
async def test_a_page_past_the_end_may_be_an_error(name: str, status: str) -> None:
    """The last page is answered, and the pages after it get the chosen status with a message."""
    async with in_process(name, past_end=status, **SMALL) as api:
        last, past = [await api.get(url(name, query)) for query in PAGED[name]]
    assert (last.status_code, past.status_code) == (200, int(status))
    assert past.text


@pytest.mark.parametrize("name", PAGED)
async def test_the_last_page_may_come_again(name: str) -> None:
    """A page past the end may have the records of the last page."""
    async with in_process(name, past_end="last", **SMALL) as api:
        last, past = [await api.get(url(name, query)) for query in PAGED[name]]
    assert ids(past.json()) == ids(last.json()) != []


@pytest.mark.parametrize("past_end", PAST_END)
async def test_the_first_page_of_an_empty_catalogue_is_never_past_the_end(past_end: str) -> None:
    """An empty catalogue is an empty list in every behaviour."""
    async with in_process("api3", past_end=past_end, pages=0) as api:
        answer = await api.get("/products?page=1")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("name", PAGED)
async def test_an_unknown_parameter_may_be_a_filter(name: str) -> None:
    """As a filter, an unknown parameter matches no record, and known ones are no filters."""
    async with in_process(name, unknown_parameters="filter", **SMALL) as api:
        known, unknown = [await api.get(url(name, query)) for query in (PAGED[name][0], "colour=red")]
    assert ids(known.json())
    assert (unknown.status_code, ids(unknown.json())) == (200, [])


async def test_a_filter_leaves_an_empty_total() -> None:
    """The announced total is that of the filtered catalogue."""
    async with in_process("bigcommerce", unknown_parameters="filter", **SMALL) as api:
        body = (await api.get(url("bigcommerce", "colour=red"))).json()
    assert (body["data"], body["meta"]["pagination"]["total"]) == ([], 0)


@pytest.mark.parametrize("name", PAGED)
async def test_an_unknown_parameter_may_be_an_error(name: str) -> None:
    """Unknown parameters get 400 with their names."""
    async with in_process(name, unknown_parameters="refuse", **SMALL) as api:
        known, unknown = [await api.get(url(name, query)) for query in (PAGED[name][0], "colour=red&empty=&z=1")]
    assert (known.status_code, unknown.status_code) == (200, 400)
    assert "colour" in unknown.text
    assert "z" in unknown.text


@pytest.mark.parametrize("unknown", UNKNOWN_PARAMETERS)
async def test_parameters_in_the_url_of_the_products_are_known(unknown: str) -> None:
    """The search term in the path of eBay is not an unknown parameter: its missing token is what is refused."""
    async with in_process("ebay_browse", unknown_parameters=unknown) as api:
        assert (await api.get(path("ebay_browse"))).status_code == 401


async def test_ignored_parameters_do_not_hide_the_end() -> None:
    """A page past the end with an unknown parameter is still past the end."""
    async with in_process("api1", past_end="404", **SMALL) as api:
        assert (await api.get("/products?page=9&colour=red")).status_code == 404


@pytest.mark.parametrize(
    ("header", "is_accepted"),
    [
        (JSON_API, True),
        ("*/*", True),
        ("application/*", True),
        ("application/json, application/*+json;q=0.9, */*;q=0.1", True),
        (f"text/html, {JSON_API.upper()};q=0.5", True),
        (None, True),
        ("application/json", False),
        ("application/*+json", False),
        ("application/json, */*;q=0", False),
        ("text/*", False),
    ],
)
async def test_accept_is_enforced(header: str | None, is_accepted: bool) -> None:
    """A request whose Accept does not admit the media type gets 406, others get answers of this type."""
    async with in_process("api1", media_type=JSON_API) as api:
        del api.headers["Accept"]
        answer = await api.get("/products", headers={} if header is None else {"Accept": header})
    assert accepts(header, JSON_API) == is_accepted
    assert answer.status_code == (200 if is_accepted else 406)
    assert not is_accepted or answer.headers["Content-Type"] == JSON_API
    assert is_accepted or JSON_API in answer.text


def found(body: Any, errors: str) -> Any:
    """Return the message at a path such as ``errors[0].detail``."""
    for key in errors.replace("[0]", ".0").split("."):
        body = body[int(key) if key.isdigit() else key]
    return body


@pytest.mark.parametrize("errors", [name for name in ERRORS if name != "text"])
async def test_errors_carry_a_message_in_the_chosen_place(errors: str) -> None:
    """Refusals and scripted faults of any persona have their message at the chosen path."""
    for name in ("api1", "platzi"):
        chosen = {"errors": errors, "past_end": "404", "unknown_parameters": "refuse", **SMALL}
        async with in_process(name, f"{name}:2:503x1", f"{name}:2:429=1x1", **chosen, burst=4, rate_limit=0.01) as api:
            second = PAGED[name][0].replace("3", "2").replace("10", "5")
            answers = [await api.get(url(name, query)) for query in (second, second, "colour=red", PAGED[name][1], "")]
        assert [answer.status_code for answer in answers] == [503, 429, 400, 404, 429]
        messages = [found(answer.json(), errors) for answer in answers]
        unknown = "Unrecognized parameters: colour"
        assert messages == ["a fault, as scripted", "Too Many Requests", unknown, "Invalid page.", "Too Many Requests"]
        assert answers[1].headers["Retry-After"] == "1"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in POSTED])
async def test_by_default_unknown_parameters_are_ignored(name: str) -> None:
    """A parameter that the persona does not know does not change its first page, where it has no rule of its own."""
    async with in_process(name, unknown_parameters="ignore") as api:
        answers = [await api.get(url(name, query)) for query in ("", "colour=red")]
    assert len({answer.status_code for answer in answers}) == 1


@pytest.mark.parametrize("field", ["past_end", "unknown_parameters", "errors"])
def test_an_unknown_behaviour_is_refused_with_the_choices(field: str) -> None:
    """The error names the setting and its possible values."""
    with pytest.raises(ValueError, match=f"{field} 'x' is not one of "):
        Settings(**{field: "x"})


def test_behaviours_are_chosen_on_the_command_line() -> None:
    """Flags and variables choose them, and an unknown one is a usage error."""
    script = """if True:
        import os, urllib.error, urllib.request
        try:
            urllib.request.urlopen(os.environ["MOCKAPI_API1_URL"] + "/products?page=99")
        except urllib.error.HTTPError as error:
            print(error.code, error.read().decode())
    """
    flags = ["--ports", "0", "--persona", "api1", "--past-end", "404", "--errors", "detail"]
    run = [sys.executable, "-m", "mockapi", *flags, "exec", "--", sys.executable, "-c", script]
    done = subprocess.run(run, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == '404 {"detail":"Invalid page."}\n', done.stderr
    bad = [sys.executable, "-m", "mockapi", "--past-end", "999"]
    assert subprocess.run(bad, capture_output=True, timeout=30, check=False).returncode == 2
