"""`pipeline init`: recognition of APIs, the written file, and a run with that file."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from click.testing import Result
from helpers.discovering import ENVIRONMENT, assert_same, file_server, invoke, persona, products, truth
from helpers.support import NO_TLS

from mockapi.personas import path as path_of
from mockapi.serve import serving
from mockapi.settings import Settings
from mockapi.shops import SHOPS
from pipeline.config.load import load_config
from pipeline.config.presets import load_preset, preset_names
from pipeline.discovery.draft import name_for
from pipeline.discovery.recognise import is_preset_url
from pipeline.runner import run


async def init_and_run(url: str, tmp_path: Path, env: Mapping[str, str] = ENVIRONMENT) -> tuple[Result, dict[str, Any]]:
    """Draft a configuration from only the URL, and run it."""
    config = tmp_path / "config.yaml"
    drafted = await invoke("init", url, "-c", str(config), env=env)
    assert drafted.exit_code == 0, drafted.output
    written = yaml.safe_load(config.read_text())
    name = written["endpoints"][0]["name"]
    loaded = load_config(config, flags={"output": str(tmp_path / "summary.json")}, environ=env)
    summary = await run(loaded, environ=env)
    assert summary.summary.sources == [name]
    # A page that was recorded alone may announce more records than it has; nothing else may be wrong.
    reasons = [gap.reason for source in summary.sources for gap in source.gaps]
    assert summary.summary.status == ("partial" if reasons else "complete")
    assert [reason for reason in reasons if not ("recorded" in url and reason.startswith("announced"))] == []
    text = (tmp_path / "summary.json").read_text()
    (tmp_path / "summary.json").write_text(text.replace(f'"id":"{name}:', '"id":"shop:'))
    return drafted, written["endpoints"][0]


# The others take a query by POST, or are feeds.
RECOGNISED = [name for name in preset_names() if name in SHOPS]


@pytest.mark.parametrize("name", RECOGNISED)
async def test_a_recorded_response_is_read_right(name: str, tmp_path: Path) -> None:
    """For each preset, a recorded response on a plain file server is recognised and read correctly."""
    async with persona(name) as url, httpx.AsyncClient(verify=NO_TLS, trust_env=False) as client:
        response = await client.get(url, **await credentials(name, url, client))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "recorded-1.json").write_bytes(response.raise_for_status().content)
    with file_server(tmp_path / "files") as home:
        drafted, endpoint = await init_and_run(f"{home}/recorded-1.json", tmp_path, env={})
    assert (endpoint["preset"], endpoint["paging"]) == (name, "none")
    assert load_preset(name).about in drafted.output
    found = products(tmp_path)
    assert len(found) >= 5
    assert_same(found, truth(name)[: len(found)])


async def credentials(name: str, url: str, client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the credentials for a request to the persona, as arguments for httpx."""
    match name:
        case "shopify_admin":
            return {"headers": {"X-Shopify-Access-Token": "mock-token"}}
        case "bigcommerce":
            return {"headers": {"X-Auth-Token": "mock-token"}}
        case "woocommerce_v3":
            return {"auth": ("ck_mock", "cs_mock")}
        case "magento2" | "stripe_prices":
            return {"headers": {"Authorization": "Bearer mock-token"}}
        case "ebay_browse":
            token_url = httpx.URL(url).join("/identity/v1/oauth2/token")
            form = {"grant_type": "client_credentials"}
            response = await client.post(token_url, data=form, auth=("mock-client", "mock-secret"))
            return {"headers": {"Authorization": f"Bearer {response.json()['access_token']}"}}
    return {}


@pytest.mark.parametrize("name", [*RECOGNISED, "cursors", "pages_from_zero"])
async def test_a_live_api_is_read_completely(name: str, tmp_path: Path) -> None:
    """For each preset and two unknown APIs, all pages are read, with credentials from the environment."""
    async with persona(name) as url:
        _, endpoint = await init_and_run(url, tmp_path)
    assert endpoint.get("preset") == (name if name in RECOGNISED else None)
    assert_same(products(tmp_path), truth(name))


async def test_what_is_not_certain_is_printed_and_written(tmp_path: Path) -> None:
    """Doubts are printed with five products, and are comments in the file."""
    async with serving(Settings(personas=("api1",), ports=(0,))) as urls:
        config = tmp_path / "shops" / "config.yaml"
        done = await invoke("init", f"{urls['api1']}/products", "-c", str(config))
    assert done.exit_code == 0
    assert "Gentle Camera" in done.output
    assert "written: " in done.output
    shown = [line for line in done.output.splitlines() if re.match(r" *\d+ +\S", line)]
    assert len(shown) == 5
    assert "no currency was found" in done.output
    assert "# - no currency was found" in config.read_text()


async def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """An existing file is kept, unless --force is given."""
    config = tmp_path / "config.yaml"
    config.write_text("mine")
    done = await invoke("init", "http://127.0.0.1:1/", "-c", str(config))
    assert (done.exit_code, config.read_text()) == (2, "mine")
    assert (
        "already exists; name another file with -c, add to it with --add, or overwrite it with --force" in done.output
    )
    async with persona("fakestore") as url:
        assert (await invoke("init", url, "-c", str(config), "--force")).exit_code == 0
    assert "preset: fakestore" in config.read_text()


async def test_an_api_that_does_not_answer_costs_only_itself(tmp_path: Path) -> None:
    """An unreachable API is in the file with the reason, the others are complete, and the exit code is 3."""
    config = tmp_path / "config.yaml"
    async with persona("dummyjson") as url:
        done = await invoke("init", "http://127.0.0.1:1/wp-json/wc/v3/products", url, "-c", str(config), env={})
    assert done.exit_code == 3
    dead, live = yaml.safe_load(config.read_text())["endpoints"]
    assert (dead["preset"], live["preset"]) == ("woocommerce_v3", "dummyjson")
    assert "# - the first page could not be fetched: nothing listens on 127.0.0.1:1" in config.read_text()


async def test_without_any_answer_there_is_a_file_to_complete(tmp_path: Path) -> None:
    """If no API responds, the file has the URLs and the reasons, and the exit code is 1."""
    config = tmp_path / "config.yaml"
    done = await invoke("init", "http://127.0.0.1:1/", "-c", str(config))
    assert done.exit_code == 1
    assert "nothing listens on 127.0.0.1:1" in done.output
    assert [endpoint.url for endpoint in load_config(config).endpoints] == ["http://127.0.0.1:1/"]
    assert "# - the first page could not be fetched: nothing listens" in config.read_text()


async def test_a_known_api_that_refuses_says_what_it_needs(tmp_path: Path) -> None:
    """If a recognised API refuses, the error names the variables that its preset needs."""
    async with persona("magento2") as url:
        done = await invoke("init", url, "-c", str(tmp_path / "config.yaml"), env={})
    assert done.exit_code == 1
    assert "set MAGENTO_ACCESS_TOKEN in the environment" in done.output


async def test_credentials_stay_in_the_environment(tmp_path: Path) -> None:
    """`${NAME}` is expanded for the request but not in the file; plain secrets are reported and not printed."""
    config = tmp_path / "config.yaml"
    async with persona("magento2") as url:
        header = ("-H", "Authorization: Bearer ${TOKEN}", "-H", "X-Api-Key: in-clear-text")
        done = await invoke("init", url, *header, "-c", str(config), env={"TOKEN": "mock-token"})
    assert done.exit_code == 0, done.output
    assert "mock-token" not in done.output + config.read_text()
    assert "X-Api-Key should come from the environment" in done.output
    assert "in-clear-text" not in done.output


async def test_credentials_may_stay_in_a_file(tmp_path: Path) -> None:
    """`${file:PATH}` is read for the request, and written to the configuration as it is."""
    config, secret = tmp_path / "config.yaml", tmp_path / "token"
    secret.write_text("mock-token\n")
    async with persona("magento2") as url:
        header = ("-H", f"Authorization: Bearer ${{file:{secret}}}")
        done = await invoke("init", url, *header, "-c", str(config), env={})
    assert done.exit_code == 0, done.output
    assert f"Bearer ${{file:{secret}}}" in config.read_text()
    assert "mock-token" not in done.output + config.read_text()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["http://shop.test/", "-H", "X-Key: ${file:/no/such/file}"], "/no/such/file does not exist"),
        (["ftp://shop.test/"], "'ftp://shop.test/' is not a valid URL; expected http"),
        (["http://shop.test/", "-H", "nonsense"], "'NAME: VALUE'"),
        (["http://shop.test/?key=${NOBODY}"], "NOBODY is not set"),
        ([], "Missing argument"),
    ],
)
async def test_bad_input_is_an_error_before_anything_is_asked(arguments: list[str], text: str, tmp_path: Path) -> None:
    """Invalid input is a usage error that names what is expected, before any request."""
    done = await invoke("init", *arguments, "-c", str(tmp_path / "config.yaml"))
    assert done.exit_code == 2
    assert text in done.output


@pytest.mark.parametrize(
    ("url", "taken", "name"),
    [
        ("https://api.example.com/v1/items", [], "example"),
        ("https://www.shop.co/products.json", [], "shop"),
        ("https://lampen.example.de/x", [], "example"),
        ("http://127.0.0.1:8001/fine-lamps.json?x=1", [], "fine-lamps"),
        ("http://127.0.0.1:8001/products", ["products"], "products-2"),
        ("http://127.0.0.1/2024", [], "api"),
        ("http://localhost/", [], "api"),
        ("http://[::1]/", ["api"], "api-2"),
    ],
)
def test_names_tell_shops_from_each_other(url: str, taken: list[str], name: str) -> None:
    """Names are taken from the host or the end of the path, and are unique."""
    assert name_for(url, taken) == name


async def test_urls_of_one_host_are_drafted_as_a_group(tmp_path: Path) -> None:
    """They probably share a rate limit; a URL at another port is in no group."""
    async with serving(Settings(personas=("api1", "api3"), ports=(0, 0))) as urls:
        arguments = [f"{urls['api1']}/products", f"{urls['api3']}/products", f"{urls['api1']}/products?lang=en"]
        done = await invoke("init", *arguments, "-c", str(tmp_path / "config.yaml"))
    assert done.exit_code == 0, done.output
    text = (tmp_path / "config.yaml").read_text()
    groups = [endpoint.get("rate_limit") for endpoint in yaml.safe_load(text)["endpoints"]]
    assert groups == [{"group": "products"}, None, {"group": "products"}]
    assert "rate_limit: {group: products}    # guessed: the endpoints of a host share its limit" in text


async def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """All invalid URLs and headers are reported together, without passwords, before any request."""
    urls = ("http://[::1", "https://user:secretpw@ℂ℀.com/x", "ftp://shop.test/")
    done = await invoke("init", *urls, "-H", "bad name: x", "-c", str(tmp_path / "config.yaml"))
    assert done.exit_code == 2
    assert "4 problems" in done.output
    assert "bad name: is not a valid header name" in done.output
    assert "secretpw" not in done.output


async def test_a_place_that_cannot_be_written_is_found_before_anything_is_asked(tmp_path: Path) -> None:
    """A path that cannot be written is reported before any request."""
    (tmp_path / "file").write_text("")
    done = await invoke("init", "http://127.0.0.1:1/", "-c", str(tmp_path / "file" / "config.yaml"))
    assert done.exit_code == 2
    assert "cannot be written" in done.output


async def test_the_url_alone_can_tell_the_api(tmp_path: Path) -> None:
    """An API whose page has no signs is recognised by its path, in any version of the API."""
    async with serving(Settings(personas=("woocommerce_v3",), ports=(0,), pages=0)) as urls:
        done = await invoke("init", urls["woocommerce_v3"] + path_of("woocommerce_v3"), "-c", str(tmp_path / "a.yaml"))
    assert done.exit_code == 0, done.output
    assert yaml.safe_load((tmp_path / "a.yaml").read_text())["endpoints"][0]["preset"] == "woocommerce_v3"
    shopify = load_preset("shopify_admin")
    assert is_preset_url("https://shop.test/admin/api/2024-07/products.json", shopify)
    assert not is_preset_url("https://shop.test/recorded-1.json", shopify)


async def test_a_preset_known_by_its_path_wins_over_one_known_by_its_records(tmp_path: Path) -> None:
    """The records look like those of one API, and the path is that of another: the path decides."""
    async with persona("platzi") as url, httpx.AsyncClient(verify=NO_TLS, trust_env=False) as client:
        (tmp_path / "wp-json" / "wc" / "v3").mkdir(parents=True)
        (tmp_path / "wp-json" / "wc" / "v3" / "products").write_bytes((await client.get(url)).content)
    with file_server(tmp_path) as home:
        done = await invoke("init", f"{home}/wp-json/wc/v3/products", "-c", str(tmp_path / "a.yaml"), env={})
    assert yaml.safe_load((tmp_path / "a.yaml").read_text())["endpoints"][0]["preset"] == "woocommerce_v3", done.output


async def test_what_was_rejected_is_said_with_its_reason(tmp_path: Path) -> None:
    """Rejected records are counted with their reason."""
    (tmp_path / "odd.json").write_text('{"data": [{"title": "a"}, {"title": "b"}, {"title": "c"}]}')
    with file_server(tmp_path) as home:
        done = await invoke("init", f"{home}/odd.json", "-c", str(tmp_path / "config.yaml"))
    assert "rejected 3: the record has no id" in done.output


async def test_a_place_that_cannot_be_said_is_not_written(tmp_path: Path) -> None:
    """A records path that `items` cannot express is a doubt, and the run finds the records without it."""
    (tmp_path / "odd.json").write_text('{"my.list": [{"id": 1}, {"id": 2}, {"id": 3}]}')
    with file_server(tmp_path) as home:
        drafted, endpoint = await init_and_run(f"{home}/odd.json", tmp_path)
    assert "items" not in endpoint
    assert "`items` cannot express a key with a point" in drafted.output


async def test_without_a_price_none_is_expected(tmp_path: Path) -> None:
    """If a page has no price, the draft expects none, so that a run is complete; else it leaves the default."""
    (tmp_path / "names.json").write_text('[{"id": 1, "title": "a"}, {"id": 2, "title": "b"}, {"id": 3, "title": "c"}]')
    (tmp_path / "priced.json").write_text('[{"id": 1, "price": 1}, {"id": 2}, {"id": 3}]')
    with file_server(tmp_path) as home:
        _, without = await init_and_run(f"{home}/names.json", tmp_path)
        (tmp_path / "config.yaml").unlink()
        _, with_price = await init_and_run(f"{home}/priced.json", tmp_path)
    assert without["expect"] == {"min_priced": 0}
    assert "expect" not in with_price
