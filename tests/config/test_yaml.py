"""The YAML reader, with arbitrary texts, and the places of mistakes."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.config.load import load_config
from pipeline.config.yaml import YamlFile, parse_text
from pipeline.errors import ConfigError


@given(st.one_of(st.text(), st.text(alphabet="abz019:-{}[]&*!<>|'\"%@,.?#\n ="), st.from_regex(r"!!\w{1,9} ?\w{0,3}")))
@example("2026-13-45")
@example("[" * 1000)
def test_any_text_is_parsed_or_kept(text: str) -> None:
    """The value of a flag is parsed as YAML; a text that is not valid YAML is kept, and nothing raises."""
    try:
        expected = yaml.safe_load(text)
    except Exception:  # noqa: BLE001 - PyYAML does not catch what its constructors raise
        expected = text
    # repr, since NaN does not equal itself. A duplicate key is not valid here, though PyYAML accepts it.
    assert repr(parse_text(text)) in {repr(expected), repr(text)}
    assert parse_text("[1]") == [1]


# Each mistake is before a mark: the place in the message is that of the key or of the item before it.
MISTAKES = """\
# Läden, and a comment
timeout: soon                                   # 2:1 timeout
"rate_limit": {"größe": 1, rps: -1}             # 3:16 rate_limit.größe, 3:28 rate_limit.rps
log:
  level: LOUD                                   # 5:3 log.level
endpoints:
  - name: shop.de
    url: https://shop.example/x
    http: {read_timeout: never}                 # 9:12 endpoints.0.http.read_timeout
    headers:
      X-Key: ${NO_SUCH_KEY}                     # 11:7 endpoints.0.headers.X-Key
    fields:
      price: {paths: [a, 2],                    # 13:15 endpoints.0.fields.price.paths
              kind: odd}                        # 14:15 endpoints.0.fields.price.kind
  - {name: two, url: "ftp://x", itmes: data}    # 15:17 endpoints.1.url, 15:33 endpoints.1.itmes
  - url: https://x.example                      # 16:5 endpoints.2
  - &base
    name: base
    url: nowhere                                # 19:5 endpoints.3.url
"""


def mistakes_in(file: Path, flags: Mapping[str, str] = MappingProxyType({})) -> set[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(file, flags=flags, environ={})
    return {f"{each.place} {each.path}" for each in caught.value.problems}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_mistake_has_its_line_and_column(tmp_path: Path, end: str) -> None:
    """All mistakes of a file are listed at once, each at its key, whatever the style of the YAML."""
    file = tmp_path / "shops.yaml"
    file.write_bytes(MISTAKES.replace("\n", end).encode())
    expected = {
        f"{file}:{line}:{column} {path}" for line, column, path in re.findall(r"(\d+):(\d+) ([\w.ö-]+)", MISTAKES)
    }
    assert mistakes_in(file) == expected


def test_a_mistake_on_the_command_line_has_no_place_in_the_file(tmp_path: Path) -> None:
    """A value that a flag replaces is not the mistake, whatever the file has there; the others keep their places."""
    file = tmp_path / "shops.yaml"
    file.write_text("timeout: 5\nrate_limit:\n  rps: 1\n  burst: x\nendpoints: [{name: a, url: 'http://a.test'}]\n")
    flags = {"timeout": "soon", "rate_limit.rps": "-1", "endpoints.a.url": "nowhere"}
    assert mistakes_in(file, flags) == {
        "None timeout",
        "None rate_limit.rps",
        f"{file}:4:3 rate_limit.burst",
        "None endpoints.0.url",
    }


def test_an_endpoint_is_found_by_its_name(tmp_path: Path) -> None:
    """A path may have the name of the endpoint, also one with a dot, and leads to the nearest key that exists."""
    file = tmp_path / "shops.yaml"
    file.write_text("endpoints:\n  - name: a\n    url: u\n  - name: a.b\n    http:\n      user_agent: x\n")
    place = YamlFile(file, required=True).place
    assert place("endpoints.a.b.http.user_agent") == f"{file}:6:7"
    assert place("endpoints.a.b.http.read_timeout") == f"{file}:5:5"
    assert place("endpoints.a.nothing") == f"{file}:2:5"
    assert place("endpoints.0.url") == f"{file}:3:5"
    assert place("PIPELINE_TIMEOUT") is None


def test_a_mapping_that_contains_itself_ends(tmp_path: Path) -> None:
    """A recursive alias has places as deep as the path goes."""
    file = tmp_path / "shops.yaml"
    file.write_text("a: &a\n  b: *a\n")
    assert YamlFile(file, required=True).place("a.b.b.b") == f"{file}:2:3"
