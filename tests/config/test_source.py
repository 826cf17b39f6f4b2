"""The description of an API: paging styles and their keys."""

from pathlib import Path

import pytest
from helpers.configs import load, problems

from pipeline.config.source import Paging, PagingStyle


def test_a_paging_style_may_be_a_text(tmp_path: Path) -> None:
    """A paging style alone may be written as text, in the file and on the command line."""
    entry = "endpoints: [{name: a, url: 'http://a.test', paging: Next_URL}]"
    assert load(tmp_path, entry).endpoints[0].paging == Paging(style=PagingStyle.NEXT_URL)
    assert load(tmp_path, entry, endpoints__a__paging="none").endpoints[0].paging == Paging(style=PagingStyle.NONE)


@pytest.mark.parametrize(
    ("paging", "path", "problem"),
    [
        ("{style: cursor, start: 1}", "paging.start", "cannot be used with `style: cursor`"),
        ("{path: next}", "paging.path", "cannot be used with `style: auto`"),
        ("{style: page, size_parameter: limit}", "paging.size_parameter", "needs `size`"),
        ("{style: page, short_page_ends: true}", "paging.short_page_ends", "needs `size`"),
        ("{style: cursor, path: 'next_cursor || x'}", "paging.path", "not a dotted path"),
        ("sideways", "paging.style", "Expected one of auto, none, page, offset"),
        ("[page]", "paging", "needs keys of its own"),
    ],
)
def test_what_means_nothing_in_a_style_is_told(paging: str, path: str, problem: str, tmp_path: Path) -> None:
    """A key that does not belong to the paging style is an error."""
    told = problems(tmp_path, f"endpoints: [{{name: a, url: 'http://a.test', paging: {paging}}}]")
    assert problem in told[f"endpoints.0.{path}"]
