"""The reader of YAML: whatever it is given."""

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.config.yaml import parse_text


@given(st.one_of(st.text(), st.text(alphabet="abz019:-{}[]&*!<>|'\"%@,.?#\n ="), st.from_regex(r"!!\w{1,9} ?\w{0,3}")))
@example("2026-13-45")
@example("[" * 1000)
def test_any_text_is_yaml_or_an_error_of_ours(text: str) -> None:
    """No value of a flag makes the reader raise: what is no YAML stays the text that it is."""
    parse_text(text)
