"""Loading: flags and environment over the file, mappings, and resolved endpoints."""

from pathlib import Path

import pytest
import yaml

from pipeline.config.load import load as load_resolved
from pipeline.config.load import load_config
from pipeline.config.section import keys_of
from pipeline.config.settings import Config
from pipeline.config.source import PagingStyle
from pipeline.errors import ConfigError

FILE = """
rate_limit: {rps: 3, burst: 7}
endpoints:
  - {name: shop, url: "http://shop.test/"}
  - {name: depot.eu, url: "http://depot.test/"}
"""


def load(tmp_path: Path, *, text: str = FILE, environ: dict[str, str] | None = None, **flags: str) -> Config:
    (tmp_path / "config.yaml").write_text(text)
    dotted = {key.replace("__", "."): value for key, value in flags.items()}
    return load_config(tmp_path / "config.yaml", flags=dotted, environ=environ or {})


def test_a_section_set_as_a_whole_changes_what_it_names(tmp_path: Path) -> None:
    """`--set rate_limit='{rps: 9}'` keeps the burst of the file."""
    limit = load(tmp_path, rate_limit="{rps: 9}").rate_limit
    assert (limit.rps, limit.burst) == (9, 7)


def test_an_endpoint_whose_name_has_dots_is_addressed_by_it(tmp_path: Path) -> None:
    """An endpoint whose name has dots can be addressed; its variable has underscores instead."""
    config = load(tmp_path, environ={"PIPELINE_ENDPOINTS_DEPOT_EU_URL": "http://moved.test/"})
    assert config.endpoints[1].url == "http://moved.test/"
    assert load(tmp_path, **{"endpoints__depot.eu__rate_limit__rps": "1"}).endpoints[1].rate_limit.burst == 7


def test_an_endpoint_without_a_name_goes_by_its_index_alone(tmp_path: Path) -> None:
    """An endpoint without a name cannot be addressed as `None`."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text="endpoints: [{url: 'http://shop.test/'}]", endpoints__None__items="x")
    assert "endpoints.None.items: (command line) is not an endpoint" in str(caught.value)


def test_a_name_of_digits_is_refused(tmp_path: Path) -> None:
    """A name of digits is an error, since `endpoints.1` would be ambiguous."""
    with pytest.raises(ConfigError, match=r"endpoints\.0\.name"):
        load(tmp_path, text="endpoints: [{name: '1', url: 'http://shop.test/'}]")


@pytest.mark.parametrize("key", ["rate_limit.rps", "endpoints.shop.rate_limit.rps"])
def test_a_rate_next_to_nothing_is_refused(tmp_path: Path, key: str) -> None:
    """A rate just above 0 is an error that names the two valid choices."""
    with pytest.raises(ConfigError, match=r"rate_limit\.rps: .*0 \(no limit\) or at least 0\.001"):
        load(tmp_path, **{key.replace(".", "__"): "1e-320"})


def test_an_unknown_section_is_named_with_where_it_was_set(tmp_path: Path) -> None:
    """The message about an unknown section names the layer that set it."""
    with pytest.raises(ConfigError, match=r"wrker: \(command line\) is not a known key"):
        load(tmp_path, wrker__size="3")


def test_a_variable_of_the_ci_system_is_none_of_ours(tmp_path: Path) -> None:
    """`PIPELINE_WORKSPACE`, which Azure Pipelines sets, is ignored; any other unknown variable is an error."""
    assert load(tmp_path, environ={"PIPELINE_WORKSPACE": "/agent/1"})
    with pytest.raises(ConfigError, match="PIPELINE_WORKSPACES"):
        load(tmp_path, environ={"PIPELINE_WORKSPACES": "/agent/1"})


# Set in every container of a cluster with a service named `pipeline` that has one named port.
OF_A_SERVICE = {
    "PIPELINE_PORT": "tcp://10.96.0.7:80",
    "PIPELINE_PORT_80_TCP": "tcp://10.96.0.7:80",
    "PIPELINE_PORT_80_TCP_ADDR": "10.96.0.7",
    "PIPELINE_PORT_80_TCP_PORT": "80",
    "PIPELINE_PORT_80_TCP_PROTO": "tcp",
    "PIPELINE_SERVICE_HOST": "10.96.0.7",
    "PIPELINE_SERVICE_PORT": "80",
    "PIPELINE_SERVICE_PORT_HTTP": "80",
}


def test_the_variables_of_a_service_in_the_cluster_are_none_of_ours(tmp_path: Path) -> None:
    """The variables that Kubernetes sets for a service named `pipeline` are ignored."""
    assert load(tmp_path, environ=OF_A_SERVICE) == load(tmp_path)
    with pytest.raises(ConfigError, match="PIPELINE_SERVICES"):
        load(tmp_path, environ={"PIPELINE_SERVICES": "80"})


def test_no_key_has_a_variable_that_is_ignored() -> None:
    """Every key can be set in the environment: none has a name that Kubernetes uses for a service."""
    variables = {f"PIPELINE_{key.path.replace('.', '_').upper()}" for key in keys_of(Config)}
    assert "PIPELINE_RATE_LIMIT_RPS" in variables
    assert not [name for name in variables if name.startswith(("PIPELINE_PORT", "PIPELINE_SERVICE_"))]


def test_a_url_too_long_to_be_understood_is_refused(tmp_path: Path) -> None:
    """A URL of more than 8,000 characters is an error (RFC 9110, section 4.1)."""
    with pytest.raises(ConfigError, match="8012 characters"):
        load(tmp_path, endpoints__shop__url="http://h.test/" + "x" * 7_998)


AMBIGUOUS = """
endpoints:
  - {name: a-b, url: "http://one.test/"}
  - {name: a.b, url: "http://two.test/"}
"""


def test_a_variable_that_means_two_endpoints_is_refused(tmp_path: Path) -> None:
    """A variable that fits two endpoint names is an error; `--set` can address each of them."""
    with pytest.raises(ConfigError, match=r"means endpoints\.a-b\.url and endpoints\.a\.b\.url"):
        load(tmp_path, text=AMBIGUOUS, environ={"PIPELINE_ENDPOINTS_A_B_URL": "http://x.test/"})
    config = load(tmp_path, text=AMBIGUOUS, **{"endpoints__a.b__url": "http://x.test/"})
    assert [endpoint.url for endpoint in config.endpoints] == ["http://one.test/", "http://x.test/"]


def test_a_name_that_begins_like_another_is_reached(tmp_path: Path) -> None:
    """The longest matching name is used: `shop.http` is an endpoint, not a section of `shop`."""
    text = """
endpoints:
  - {name: shop, url: "http://one.test/"}
  - {name: shop.http, url: "http://two.test/"}
"""
    config = load(tmp_path, text=text, **{"endpoints__shop.http__url": "http://x.test/"})
    assert [endpoint.url for endpoint in config.endpoints] == ["http://one.test/", "http://x.test/"]


def test_a_mapping_is_read_as_the_file_would_be(tmp_path: Path) -> None:
    """A configuration given as a mapping equals the one of the YAML file with the same content, in all layers."""
    environ, flags = {"PIPELINE_ENDPOINTS_SHOP_PAGING": "page"}, {"rate_limit.rps": "9"}
    config = load_config(yaml.safe_load(FILE), flags=flags, environ=environ)
    assert config == load(tmp_path, environ=environ, rate_limit__rps="9")
    assert (config.rate_limit.rps, config.endpoints[0].paging.style) == (9, PagingStyle.PAGE)


def test_a_mapping_is_not_changed_and_may_contain_tuples() -> None:
    """The layers work on a copy, and a tuple counts as a list."""
    section = {"burst": 2}
    mapping = {"endpoints": ({"name": "shop", "url": "http://shop.test/", "rate_limit": section},)}
    config = load_config(mapping, flags={"endpoints.shop.rate_limit.burst": "3"}, environ={})
    assert config.endpoints[0].rate_limit
    assert config.endpoints[0].rate_limit.burst == 3
    assert section == {"burst": 2}


def test_all_problems_of_a_mapping_are_reported_at_once() -> None:
    """A mapping is as strict as the file: unknown keys, bad values and missing variables are in one error."""
    shop = {"name": "shop", "url": "http://shop.test/", "headers": {"X-Key": "${NOT_SET}"}}
    with pytest.raises(ConfigError) as caught:
        load_config({"timeout": "soon", "retrry": {}, "endpoints": [shop]}, environ={})
    assert [problem.path for problem in caught.value.problems] == ["timeout", "retrry", "endpoints.0.headers.X-Key"]
    with pytest.raises(ConfigError) as caught:
        load_config({}, environ={})
    assert "does not exist" not in str(caught.value)


def test_endpoints_are_resolved_only_with_credentials() -> None:
    """Loading resolves the endpoints once; without credentials it needs no variables and resolves none."""
    shop = {"name": "shop", "url": "http://shop.test/", "headers": {"X-Key": "${KEY}"}}
    loaded = load_resolved({"endpoints": [shop]}, environ={"KEY": "k-4711"})
    assert [endpoint.headers for endpoint in loaded.endpoints] == [{"X-Key": "k-4711"}]
    assert load_resolved({"endpoints": [shop]}, environ={}, credentials=False).endpoints == ()
