"""Times in the configuration: seconds, or with a unit."""

from pathlib import Path

import jsonschema
import msgspec
import pytest
from helpers.configs import load

import pipeline
from pipeline.config.duration import seconds_in
from pipeline.config.schema import config_schema
from pipeline.errors import ConfigError

ONE = "endpoints: [{name: shop, url: 'http://shop.test'}]\n"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("6h", 21_600), ("1.5h", 5_400), ("2 m", 120), ("90", None), ("", None), ("1d", None)],
)
def test_a_unit_is_seconds_minutes_or_hours(text: str, seconds: float | None) -> None:
    """A number alone has no unit and is read as any number; other units do not exist."""
    assert seconds_in(text) == seconds


def test_every_layer_may_write_a_unit(tmp_path: Path) -> None:
    """The file, the environment and the command line mean the same by it, in every section."""
    text = f"{ONE}timeout: 15m\nhttp: {{read_timeout: 30s}}\nresume_max_age: 6h\n"
    config = load(tmp_path, text, retry__max_delay="2m")
    assert (config.timeout, config.http.read_timeout, config.resume_max_age) == (900, 30, 21_600)
    assert config.retry.max_delay == 120
    raw = {"endpoints": [{"name": "shop", "url": "http://shop.test", "breaker": {"cooldown": "1m"}}]}
    config = pipeline.load_config(raw, environ={"PIPELINE_TIMEOUT": "6h"}, flags={"engine_slice": "45"})
    assert (config.timeout, config.engine_slice) == (21_600, 45)
    assert config.endpoints[0].breaker is not None
    assert config.endpoints[0].breaker.cooldown == 60


@pytest.mark.parametrize(("key", "text"), [("timeout", "soon"), ("timeout", "15 min"), ("http.read_timeout", "1d")])
def test_another_text_is_an_error_with_the_forms(key: str, text: str, tmp_path: Path) -> None:
    """The error names the key, the forms, and what was written."""
    with pytest.raises(ConfigError, match=rf"{key}: .*seconds, or a duration such as 90s, 15m or 6h, got '{text}'"):
        load(tmp_path, ONE, **{key.replace(".", "__"): text})


@pytest.mark.parametrize("text", ["0s", "-5"])
def test_a_time_that_has_to_be_positive_stays_so(text: str, tmp_path: Path) -> None:
    """A unit does not change the limits of a key."""
    with pytest.raises(ConfigError, match="timeout"):
        load(tmp_path, ONE, timeout=text)


def test_the_schema_allows_both() -> None:
    """Editors accept a number and a text with a unit, and no other text."""
    schema = msgspec.json.decode(config_schema())
    endpoints = [{"name": "shop", "url": "http://shop.test"}]
    for timeout in (90, "90s", "15m"):
        jsonschema.validate({"timeout": timeout, "endpoints": endpoints}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"timeout": "soon", "endpoints": endpoints}, schema)
