"""The command and the files of a run, as its report shows them."""

import shlex
from pathlib import Path

import msgspec
import pytest

from pipeline.html_report.origin import Origin, shown_command
from pipeline.model.summary import RunStatistics, Summary, Totals
from pipeline.redaction import NO_SECRETS, Secrets

SUMMARY = Summary(
    Totals("complete", 0, 1.0, 1.0, [], {}, "2026-01-01T10:00:00Z"), [], [], Path("out/summary.json"),
    RunStatistics(0, 0, 0),
)  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["-c", "my shops.yaml", "-t", "300"], "pipeline -c 'my shops.yaml' -t 300"),
        (["--set", "endpoints.shop.auth.bearer=abc"], "pipeline --set 'endpoints.shop.auth.bearer=***'"),
        (["--set=endpoints.shop.auth.bearer=abc"], "pipeline '--set=endpoints.shop.auth.bearer=***'"),
        (["--set", "endpoints.shop.auth.bearer=${TOKEN}"], "pipeline --set 'endpoints.shop.auth.bearer=${TOKEN}'"),
        (["--set", "endpoints.shop.headers.X-Shop=abc"], "pipeline --set 'endpoints.shop.headers.X-Shop=***'"),
        (["--set", "store=postgresql://u:pw@db/x"], "pipeline --set 'store=postgresql://***@db/x'"),
        (["--store", "postgresql://u:pw@db/x"], "pipeline --store 'postgresql://***@db/x'"),
        (["--set", "rate_limit.rps=5"], "pipeline --set rate_limit.rps=5"),
    ],
)  # fmt: skip
def test_the_command_is_shown_without_secrets(arguments: list[str], shown: str) -> None:
    """It can be pasted into a shell; credentials are masked, and references are not."""
    assert shown_command(arguments, NO_SECRETS) == shown
    assert len(shlex.split(shown)) == len(arguments) + 1


def test_known_secrets_are_replaced_anywhere() -> None:
    """A secret of the configuration is hidden also in an argument whose name reveals nothing."""
    assert shown_command(["-o", "out/tok-123456.json"], Secrets({"tok-123456": "***"})) == "pipeline -o 'out/***.json'"


def test_files_are_relative_to_the_report() -> None:
    """Files that a run does not have are not there; names are encoded as URLs are."""
    assert Origin.of(SUMMARY, Path("out/report.html"), "").files == {"summary": "summary.json"}
    summary = msgspec.structs.replace(SUMMARY, products=Path("else where/a:b?.csv"), rejects=Path("out/rejects.jsonl"))
    assert Origin.of(summary, Path("out/report.html"), "").files == {
        "summary": "summary.json",
        "products": "../else%20where/a%3Ab%3F.csv",
        "rejected records": "rejects.jsonl",
    }
