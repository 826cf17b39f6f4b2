"""The YAML reader, with arbitrary texts."""

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.config.yaml import parse_text


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
