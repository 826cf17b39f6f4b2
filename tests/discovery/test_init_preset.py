"""`pipeline init --preset`: the preset is named by the user."""

from pathlib import Path

import httpx
import yaml
from helpers.discovering import ENVIRONMENT, assert_same, file_server, invoke, persona, products, truth

from pipeline.config.load import load_config
from pipeline.runner import run


async def test_the_host_is_enough_where_the_preset_is_named(tmp_path: Path) -> None:
    """With a preset, the URL of the host is kept in the file, and a run reads everything."""
    config = tmp_path / "config.yaml"
    async with persona("woocommerce_v3") as url:
        host = str(httpx.URL(url).copy_with(raw_path=b""))
        drafted = await invoke("init", "--preset", "woocommerce_v3", host, "-c", str(config))
        assert drafted.exit_code == 0, drafted.output
        (endpoint,) = yaml.safe_load(config.read_text())["endpoints"]
        assert (endpoint["preset"], endpoint["url"]) == ("woocommerce_v3", host)
        name = endpoint["name"]
        loaded = load_config(config, flags={"output": str(tmp_path / "summary.json")}, environ=ENVIRONMENT)
        await run(loaded, environ=ENVIRONMENT)
    text = (tmp_path / "summary.json").read_text()
    (tmp_path / "summary.json").write_text(text.replace(f'"id":"{name}:', '"id":"shop:'))
    assert_same(products(tmp_path), truth("woocommerce_v3"))


async def test_what_is_named_wins_over_what_is_recognised(tmp_path: Path) -> None:
    """A named preset takes precedence over a recognised one."""
    async with persona("dummyjson") as url:
        drafted = await invoke("init", "--preset", "platzi", url, "-c", str(tmp_path / "config.yaml"))
    assert drafted.exit_code == 0, drafted.output
    (endpoint,) = yaml.safe_load((tmp_path / "config.yaml").read_text())["endpoints"]
    assert endpoint["preset"] == "platzi"


async def test_a_preset_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    """An unknown preset is a usage error that suggests a similar name."""
    done = await invoke("init", "--preset", "shopyfi_admin", "http://a.test", "-c", str(tmp_path / "config.yaml"))
    assert done.exit_code == 2
    assert "did you mean `shopify_admin`?" in done.output


async def test_a_page_for_people_leads_to_the_presets(tmp_path: Path) -> None:
    """For an HTML page, the error suggests to name the API by its preset."""
    (tmp_path / "index.html").write_text("<html><body>Welcome!</body></html>")
    with file_server(tmp_path) as home:
        done = await invoke("init", home, "-c", str(tmp_path / "config.yaml"))
    assert done.exit_code == 1
    assert "write PRESET=URL" in done.output


async def test_each_url_may_have_a_preset_of_its_own(tmp_path: Path) -> None:
    """PRESET=URL names the preset of one URL; an unknown name is a usage error, and a query is not a name."""
    config = tmp_path / "config.yaml"
    async with persona("dummyjson") as one, persona("platzi") as other:
        done = await invoke("init", f"platzi={one}", f"{other}?offset=0", "-c", str(config))
    assert done.exit_code == 0, done.output
    assert [each["preset"] for each in yaml.safe_load(config.read_text())["endpoints"]] == ["platzi", "platzi"]
    done = await invoke("init", "platzy=http://a.test", "-c", str(tmp_path / "b.yaml"))
    assert done.exit_code == 2
    assert "did you mean `platzi`?" in done.output
