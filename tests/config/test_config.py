"""The configuration: four layers, one rule for every key, and all problems at once with their paths."""

import contextlib
import re
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from helpers.configs import ONE, load, problems
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.config.endpoint import Endpoint, Http, RateLimit, Retry
from pipeline.config.load import load_config
from pipeline.config.resolve import resolve
from pipeline.config.settings import PRODUCT_FORMATS, Config, Level, Log
from pipeline.distribution import VERSION
from pipeline.errors import ConfigError
from pipeline.fetch.http.client import Client

SHIPPED = Path(__file__).parents[2] / "config" / "config.yaml"

# Every key outside the endpoints, each with a value that is not its default.
CHANGED = """
    {timeout: 7.5, resume_max_age: 60, output: other/file.json, report: true, changes: true,
    products: other/p.csv, store: "sqlite:///other/p.db", max_endpoints: 9, engine: "processes:2", engine_slice: 3,
    metrics: run.prom, ping: "https://ping.test/1",
    log: {level: DEBUG, format: json}, queue: {size: 5},
    http: {connect_timeout: 1.5, read_timeout: 2.5, total_timeout: 9, max_body_bytes: 1000, user_agent: me/2 (@ shop)},
    rate_limit: {rps: 0.5, burst: 7, concurrency: 3, group: main},
    retry: {max_retries: 0, base_delay: 0.25, max_delay: 9, jitter: 1},
    breaker: {failure_threshold: 9, cooldown: 1, max_probes: 5}, worker_pool: {size: 1, batch_size: 10},
    expect: {min_products: 9, max_rejected: 0.25, min_priced: 0.9, max_drop: 0.2}}
"""


def leaves(value: object, prefix: str = "") -> dict[str, Any]:
    """Return a configuration as a flat dict of dotted keys."""
    if not isinstance(value, dict) or prefix.endswith(("headers", "extra")):
        return {prefix: value}
    inner = (leaves(each, f"{prefix}.{key}".strip(".")) for key, each in value.items())
    return {key: leaf for part in inner for key, leaf in part.items()}


SECTIONS = yaml.safe_load(CHANGED)
ENTRY = {key: SECTIONS[key] for key in ("http", "rate_limit", "retry", "breaker", "expect")}
ENTRY |= yaml.safe_load("""
    {name: other, url: "https://other.test/p?x=1", items: data.list, explode: offers,
    headers: {X-Shop: "7"}, allow_hosts: [cdn.test],
    paging: {style: page, parameter: skip, start: 1, size_parameter: limit, size: 50, total: meta.total,
             total_pages: "header:X-Pages", short_page_ends: true, total_is_estimate: true},
    fields: {id: a.b, title: t, category: c, currency: {const: EUR}, extra: {brand: b}, null_values: [N/A],
             price: {path: p, kind: minor, exponent: 3, divisor: d, pick: max, quantize: 2}}}
""")
VALUES, ENTRY_VALUES = leaves(SECTIONS), leaves(ENTRY)


def variable(key: str) -> str:
    return "PIPELINE_" + re.sub("[-.]", "_", key).upper()


def flat(config: Config) -> dict[str, Any]:
    return leaves({key: value for key, value in msgspec.to_builtins(config).items() if key != "endpoints"})


def flat_endpoint(config: Config) -> dict[str, Any]:
    resolved = msgspec.structs.asdict(resolve(config)[0])
    values = leaves(msgspec.json.decode(msgspec.json.encode({key: resolved[key] for key in ENTRY})))
    return {key: value for key, value in values.items() if value is not None}


def test_defaults_are_those_of_the_contract() -> None:
    """The defaults are the documented ones."""
    defaults = """
        {timeout: 60, resume_max_age: 43200, output: out/summary.json, report: false, changes: false,
        products: null, store: null, max_endpoints: null, engine: null, engine_slice: 30, metrics: null, ping: null,
        log: {level: INFO, format: text}, queue: {size: 100},
        http: {connect_timeout: 3, read_timeout: 8, total_timeout: 15, max_body_bytes: 10485760},
        rate_limit: {rps: 5, burst: 5, concurrency: 8, group: null},
        retry: {max_retries: 3, base_delay: 0.5, max_delay: 4.0, jitter: 0.1},
        breaker: {failure_threshold: 3, cooldown: 15, max_probes: 2}, worker_pool: {size: 4, batch_size: 50},
        expect: {min_products: 1, max_rejected: 0.5, min_priced: 0.01, max_drop: null}}
    """
    assert flat(Config()) == {**leaves(yaml.safe_load(defaults)), "http.user_agent": f"pipeline/{VERSION}"}


def test_shipped_file_holds_every_key_with_its_default(tmp_path: Path) -> None:
    """``config/config.yaml`` contains every key, some in comments, and changes nothing but the endpoints."""
    shipped = load_config(SHIPPED, environ={})
    assert [endpoint.name for endpoint in resolve(shipped)] == ["api1", "api2", "api3"]
    assert msgspec.structs.replace(shipped, endpoints=()) == Config()
    (tmp_path / "shops.py").write_text("def clean(record): ...")  # the example of `transform`
    uncommented = re.sub(r"(?m)^( *)# (\w+:)", r"\1\2", SHIPPED.read_text(encoding="utf-8"))
    # The format of the example has no `items`, which the preset has too.
    without_items = re.sub(r"(?m)^ *(preset|items): .*\n", "", uncommented)
    assert flat(load(tmp_path, without_items)) == flat(Config())
    written = yaml.safe_load(uncommented)
    assert set(written.pop("endpoints")[0]) == {
        "name",
        "url",
        "preset",
        "auth",
        "request",
        "format",
        "encoding",
        "delimiter",
        "quote",
        "items",
        "explode",
        "transform",
        "paging",
        "fields",
        "headers",
        "allow_hosts",
    }
    assert "http, rate_limit, retry, breaker, expect: as above" in uncommented
    assert set(leaves(written)) == set(flat(Config()))


def test_every_key_can_stand_in_the_file(tmp_path: Path) -> None:
    """Every key can be set in the file, for all endpoints and for one."""
    assert flat(load(tmp_path, yaml.safe_dump({**SECTIONS, "endpoints": [ENTRY]}))) == VALUES
    assert not VALUES.items() & flat(Config()).items()
    assert flat_endpoint(load(tmp_path, yaml.safe_dump({"endpoints": [ENTRY]}))) == ENTRY_VALUES


@pytest.mark.parametrize("layer", ["environment", "flags"])
@pytest.mark.parametrize("address", ["", "endpoints.0.", "endpoints.shop-1.x."])
def test_every_key_is_reached_from_every_layer(address: str, layer: str, tmp_path: Path) -> None:
    """Flags and environment reach every key, an endpoint's by its index or its name, and change only that key."""
    text = "endpoints: [{name: shop-1.x, url: 'http://shop.test', paging: {style: offset, size: 7}, fields: *}]"
    text = text.replace("*", "{price: {kind: minor}}")
    before = load(tmp_path, text)
    for key, value in (ENTRY_VALUES if address else VALUES).items():
        if layer == "environment":
            config = load(tmp_path, text, env={variable(address + key): str(value)})
        else:
            config = load(tmp_path, text, **{address + key: str(value)})
        look, other = (flat_endpoint, flat) if address else (flat, lambda config: config.endpoints)
        assert look(config) == {**look(before), key: value}
        assert other(config) == other(before)


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    """Each layer overrides the lower ones, key by key."""
    text = ONE + "rate_limit: {rps: 1, burst: 2}\nretry: {max_retries: 1, jitter: 0.5, max_delay: 1}\n"
    env = {
        "PIPELINE_RETRY_JITTER": "0.25",
        "PIPELINE_RETRY_MAX_DELAY": "2",
        "PIPELINE_RATE_LIMIT_RPS": "7",
        "TZ": "UTC",
    }
    config = load(tmp_path, text, env=env, retry__max_delay="3", rate_limit__rps="0", log__level="dEbug")
    assert config.rate_limit == RateLimit(rps=0, burst=2)
    assert config.retry == Retry(max_retries=1, jitter=0.25, max_delay=3)
    assert config.log == Log(level=Level.DEBUG)


def test_process_environment_and_default_path_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path, ``config/config.yaml`` in the working directory is read if it exists, with ``os.environ``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_TIMEOUT", "5")
    monkeypatch.setenv("PIPELINE_ENDPOINTS", '[{"name": "env", "url": "http://env.test"}]')
    assert [endpoint.name for endpoint in resolve(load_config())] == ["env"]
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text(f"{ONE}queue: {{size: 3}}\n")
    monkeypatch.delenv("PIPELINE_ENDPOINTS")
    config = load_config()
    assert (config.timeout, config.queue.size, resolve(config)[0].name) == (5, 3, "shop")


def test_endpoint_sections_inherit_what_they_leave_out(tmp_path: Path) -> None:
    """An endpoint's section overrides single keys of the common one; a section that it lacks is inherited."""
    entries = "[{name: a, url: 'http://a', http: {total_timeout: 5}, retry: null}, {name: b, url: 'http://b'}]"
    text = f"http: {{read_timeout: 4}}\nendpoints: {entries}"
    a, b = resolve(load(tmp_path, text, http__connect_timeout="1"))
    assert a.http == Http(read_timeout=4, total_timeout=5, connect_timeout=1)
    assert (b.http, a.retry, a.breaker) == (Http(read_timeout=4, connect_timeout=1), Retry(), Config().breaker)


def test_whole_list_of_endpoints_can_be_replaced_and_then_changed(tmp_path: Path) -> None:
    """A list of endpoints from a higher layer replaces that of the file, and single keys apply to the new list."""
    env = {"PIPELINE_ENDPOINTS": "[{name: e, url: 'http://e'}]", "PIPELINE_ENDPOINTS_NEW_ITEMS": "rows"}
    config = load(tmp_path, env=env, endpoints='[{"name": "new", "url": "http://n"}]', endpoints__0__retry__jitter="0")
    (only,) = resolve(config)
    assert (only.name, only.items, only.retry.jitter) == ("new", "rows", 0)


def test_every_mistake_is_told_at_once_with_its_path(tmp_path: Path) -> None:
    """The problems of all layers are in one error, each with the path of its key and its layer."""
    text = """
        timeout: -1
        outptu: x
        log: {level: LOUD, frmat: text}
        http: {read_timeout: 0, user_agent: "ü"}
        rate_limit: 5
        retry: {jitter: 1.5, base_delay: .nan, max_delay: .inf}
        worker_pool: {size: true}
        endpoints:
          - 5
          - {name: a b, url: "http://a", http: {bar: 1}}
          - {name: b, url: "ftp://b", retry: {max_retries: -1}}
          - {name: c, url: "http://c"}
          - {name: c, url: "http://c"}
          - {url: "http://d"}
    """
    env = {"PIPELINE_TIMEOT": "3", "PIPELINE_BREAKER_COOLDOWN": "soon", "PIPELINE_WORKSPACE": "/azure"}
    found = problems(tmp_path, text, env=env, endpoints__z__url="http://z", breaker__max_probes="many")
    assert set(found) == {
        *["timeout", "outptu", "log.level", "log.frmat", "http.read_timeout", "http.user_agent", "rate_limit"],
        *["retry.jitter", "retry.base_delay", "retry.max_delay", "worker_pool.size", "endpoints.0", "endpoints.1.name"],
        *[
            "endpoints.1.http.bar",
            "endpoints.2.url",
            "endpoints.2.retry.max_retries",
            "endpoints.4.name",
            "endpoints.5",
        ],
        *["PIPELINE_TIMEOT", "breaker.cooldown", "endpoints.z.url", "breaker.max_probes"],
    }
    assert "(PIPELINE_BREAKER_COOLDOWN)" in found["breaker.cooldown"]
    assert "(command line)" in found["breaker.max_probes"]


def test_one_mistake_of_an_endpoint_hides_no_other(tmp_path: Path) -> None:
    """All problems of an endpoint are reported, including a duplicate name next to a missing URL."""
    text = "endpoints: [{name: a b, url: 'ftp://a'}, {url: 'ftp://b'}, {name: c, url: 'http://c'}, {name: c}]"
    told = {"endpoints.0.name", "endpoints.0.url", "endpoints.1", "endpoints.1.url", "endpoints.3", "endpoints.3.name"}
    assert set(problems(tmp_path, text)) == told


@pytest.mark.parametrize("value", ["", *"inf .inf -.inf nan .nan 1e999 -1 ten true null [1]".split()])
@pytest.mark.parametrize("key", ["timeout", "http.read_timeout", "rate_limit.rps", "retry.jitter", "queue.size"])
def test_number_that_is_none_or_not_finite_is_refused(key: str, value: str, tmp_path: Path) -> None:
    """No layer accepts infinity, NaN, a negative number or a word as a number."""
    assert set(problems(tmp_path, **{key: value})) == {key}
    assert set(problems(tmp_path, env={variable(key): value})) == {key}
    in_yaml = key.replace(".", ": {") + f": {value}" + "}" * key.count(".")
    assert set(problems(tmp_path, ONE + in_yaml)) == {key}


@pytest.mark.parametrize(
    "url",
    [
        *["", "shop.test/p", "//shop.test", "ftp://shop.test", "http://", "http:///p", "file:///etc", "http://xn--/"],
        *["http://shop.test:0/", "http://shop.test:99999/", "http://shop.test:x/", "http://shop test/", "http://[::1/"],
        *["http://shop.test/\x7f", "http://shop.test/\n", "http://ä..test/", "http://999.1.1.1/", "http://[v1.x]/"],
    ],
)
def test_url_that_cannot_be_fetched_is_refused(url: str, tmp_path: Path) -> None:
    """A URL without scheme or host, or one that a client cannot use, is a configuration error."""
    assert set(problems(tmp_path, yaml.safe_dump({"endpoints": [{"name": "a", "url": url}]}))) == {"endpoints.0.url"}


@given(st.from_regex(r"https?://[^/\s]{1,10}(:[0-9]{1,6})?(/.*)?", fullmatch=True))
@example("http://☃.example/")
def test_url_that_is_taken_can_be_used(url: str) -> None:
    """A client can be created for every URL that the configuration accepts."""
    with contextlib.suppress(ConfigError):
        endpoint = Endpoint(name="a", url=url)
        client = Client(endpoint.url, Http(), ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        assert client.url_with({"page": "1"}).startswith("http")


@pytest.mark.parametrize("key", ["endpoints.0.name", "http.user_agent"])
def test_line_break_at_the_end_of_a_text_is_refused(key: str, tmp_path: Path) -> None:
    """A name or user agent that ends with a line break, as after YAML's ``|``, is an error."""
    assert set(problems(tmp_path, **{key: "shop\n"})) == {key}


@pytest.mark.parametrize("key", ["timeout.x", "log.level.x", "endpoints.shop.url.x"])
@pytest.mark.parametrize("text", [ONE, f"{ONE}timeout: 60\nlog: {{level: INFO}}\n"])
def test_key_below_a_value_is_unknown(text: str, key: str, tmp_path: Path) -> None:
    """A flag for a key below a plain value is an error, whether or not the file sets that value."""
    assert problems(tmp_path, text, **{key: "1"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"timeout: 1\ntimeout: 2", "'timeout' appears twice"),
        (b"http: {read_timeout: 1, read_timeout: 2}", "'read_timeout' appears twice"),
        (b"endpoints:\n  - {name: a, url: 'http://a', name: b}", "'name' appears twice"),
        *[(b"- 1", "needs keys and values"), (b"just text", "needs keys and values"), (b"a: [", "not valid YAML")],
        *[(b"!!python/object:os.system {}", "not valid YAML"), (b"a: b: c", "not valid YAML"), (b"[" * 2000, "")],
        *[(b"\xff\xff", "not valid YAML"), (b"\x00", "not valid YAML"), (b"a: \xff", "not valid YAML")],
        *[(b"timeout: 2026-13-45", ""), (b"timeout: !!bool x", ""), (b"timeout: !!timestamp x", "")],
        *[(b"timeout: !!int x", ""), (b"timeout: !!float ''", ""), (b"timeout: " + b"1" * 5000, "")],
    ],
)
def test_file_that_cannot_be_read_is_told(body: bytes, message: str, tmp_path: Path) -> None:
    """A duplicate key, and anything but YAML with a mapping at the top, is an error that names the file."""
    file = tmp_path / "config.yaml"
    file.write_bytes(body)
    with pytest.raises(ConfigError) as caught:
        load_config(file, environ={})
    (problem,) = caught.value.problems
    assert str(problem).startswith(str(file))
    assert message in problem.text


def test_merge_keys_are_no_duplicates(tmp_path: Path) -> None:
    """A mapping that merges another with ``<<`` and overrides one of its keys has no duplicate key."""
    inner = "&slow {<<: {read_timeout: 3, total_timeout: 4}, read_timeout: 20}"
    text = f"endpoints: [{{name: a, url: 'http://a', http: {inner}}}]\nhttp: {{<<: *slow, connect_timeout: 1}}"
    assert load(tmp_path, text).http == Http(read_timeout=20, total_timeout=4, connect_timeout=1)


@pytest.mark.parametrize("text", ["", "{}", "endpoints: []", "endpoints: null"])
def test_nothing_to_fetch_is_a_mistake(text: str, tmp_path: Path) -> None:
    """A configuration without endpoints is an error, and so is a named file that is missing or a folder."""
    assert set(problems(tmp_path, text)) == {"endpoints"}
    for name, message in [("missing.yaml", "no such file"), (".", "cannot be read")]:
        with pytest.raises(ConfigError, match=message):
            load_config(tmp_path / name, environ={})


@pytest.mark.parametrize("path", ["out/p.txt", "out/p", "out/p.csv.gz", "out/csv", "out/.csv", "out/p.csv/", ""])
def test_the_suffix_of_the_products_is_their_format(tmp_path: Path, path: str) -> None:
    """Any other suffix is an error that names the key and the valid suffixes, in every layer."""
    *first, last = (f".{suffix}" for suffix in PRODUCT_FORMATS)
    assert {".jsonl", ".csv", ".parquet"} <= {*first, last}
    for layers in ({"products": path}, {"env": {"PIPELINE_PRODUCTS": path}}, {"text": f"products: '{path}'\n{ONE}"}):
        text = problems(tmp_path, **layers)["products"]
        assert f"Expected a path that ends in {', '.join(first)} or {last}" in text
        assert f"got {path!r}" in text


@pytest.mark.parametrize("output", ["/", ".", "./", "//"])
def test_an_output_without_a_name_is_refused(output: str, tmp_path: Path) -> None:
    """The root and the current folder are no files; the error names the flag."""
    assert "is a folder; name a file in it (-o)" in problems(tmp_path, output=output)["output"]
