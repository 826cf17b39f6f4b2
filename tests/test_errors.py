"""Error messages: each contains a remedy."""

from pathlib import Path

import pytest
from helpers.configs import load, problems

from pipeline.config.load import load_config
from pipeline.errors import ConfigError, DeadlineNearError, OutputError
from pipeline.output.atomic import write_files


@pytest.mark.parametrize(
    ("endpoint", "path", "remedy"),
    [
        ("zzz: 1", "zzz", "there are: name, url, preset"),
        ("preset: zzz", "preset", "there are: awin, bigcommerce"),
        ("paging: {style: page, has_more: x}", "paging.has_more", "it belongs to cursor, last_id"),
        (
            "fields: {price: {kind: text, decimal_separator: x}}",
            "fields.price.decimal_separator",
            "Expected `,` or `.`",
        ),
        ("fields: {currency: {const: XXY}}", "fields.currency.const", "example: EUR"),
        ("fields: {currency: {path: a, const: EUR}}", "fields.currency.const", "keep one of them"),
        ("fields: {title: '||'}", "fields.title", "see jmespath.org"),
        ("auth: {basic: {password: x}}", "auth.basic.username", "needs a value"),
        ("auth: {bearer: '${NOT_SET}'}", "auth.bearer", "NOT_SET is not set; export it first"),
        ("auth: {bearer: x}, headers: {Authorization: y}", "auth", "keep one of them"),
        ("headers: {Host: a}", "headers.Host", "remove it"),
        ("headers: {'a b': c}", "headers.a b", "example: X-Api-Key"),
        ("http: {user_agent: ü}", "http.user_agent", "Expected printable ASCII"),
    ],
)
def test_a_mistake_in_an_endpoint_says_what_would_be_right(
    endpoint: str, path: str, remedy: str, tmp_path: Path
) -> None:
    """The message about a problem in an endpoint contains the remedy, under the path of the key."""
    told = problems(tmp_path, f"endpoints: [{{name: a, url: 'http://a.test', {endpoint}}}]")
    assert remedy in told[f"endpoints.0.{path}"]


@pytest.mark.parametrize(
    ("text", "path", "remedy"),
    [
        ("{}", "endpoints", "let `pipeline init` draft a file"),
        ("endpoints: 5", "endpoints", "each with `name` and `url`"),
        ("endpoints: [{name: a, url: 'http://a'}, {name: a, url: 'http://b'}]", "endpoints.1.name", "another name"),
        ("endpoints: [{name: a, url: 'http://a:0'}]", "endpoints.0.url", "use the port that the server listens on"),
    ],
)
def test_a_mistake_in_a_file_says_what_would_be_right(text: str, path: str, remedy: str, tmp_path: Path) -> None:
    """The message about a problem in the file contains the remedy."""
    assert remedy in problems(tmp_path, text)[path]


def test_an_unknown_variable_says_what_to_do_with_it(tmp_path: Path) -> None:
    """An unknown variable is reported with a suggestion, or with the advice to unset it."""
    found = problems(tmp_path, env={"PIPELINE_TIMEOT": "1", "PIPELINE_QQQ": "1"})
    assert "did you mean `PIPELINE_TIMEOUT`?" in found["PIPELINE_TIMEOT"]
    assert "rename or unset it" in found["PIPELINE_QQQ"]


@pytest.mark.parametrize(("name", "remedy"), [("none.yaml", "let `pipeline init` draft it"), (".", "with --config")])
def test_a_file_that_cannot_be_read_says_how_to_name_another(name: str, remedy: str, tmp_path: Path) -> None:
    """The message about a missing file, or a folder, says how to name another file."""
    with pytest.raises(ConfigError, match=remedy):
        load_config(tmp_path / name, environ={})
    assert load(tmp_path)


def test_what_failed_late_says_how_to_go_on(tmp_path: Path) -> None:
    """The errors about a wait past the deadline and about a failed write mention `--resume`."""
    assert "raise `timeout` (-t), or continue later with --resume" in DeadlineNearError("a wait").text
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="kept for --resume"):
        write_files({tmp_path / "file" / "summary.json": [b""]})
