"""The commands that look at APIs instead of walking them: init, preview, check and schema."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import trio

from pipeline.cli.console import COMPLETE, FAILED, PARTIAL, ErrorLine, print_text
from pipeline.cli.options import common_options, configure, wants_json
from pipeline.config import NO_ENDPOINTS, Config
from pipeline.errors import ConfigError, FetchError, Problem
from pipeline.layers import DEFAULT_PATH
from pipeline.normalize.mapping import records_of
from pipeline.resolved import ResolvedEndpoint
from pipeline.schema import config_schema
from pipeline.survey.first_page import FirstPage, look_at_all
from pipeline.survey.init import draft_config
from pipeline.survey.preview import side_by_side
from pipeline.survey.tables import check_table, drafts_text
from pipeline.ui.columns import printable

# What `init` and `preview` show of each API, unless told otherwise.
_SHOWN_PRODUCTS, _SHOWN_RECORDS = 5, 3

_NARROWEST = 60


def _read_headers(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for value in values:
        name, colon, text = value.partition(":")
        if not colon:
            raise click.BadParameter("a header is of the form 'NAME: VALUE', as in 'X-Api-Key: ${SHOP_KEY}'")
        headers[name.strip()] = text.strip()
    return headers


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL…")
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_PATH,
    show_default=True,
    help="The file to write.",
)
@click.option("-f", "--force", is_flag=True, help="Write over a file that is there.")
@click.option(
    "-H",
    "--header",
    "headers",
    metavar="NAME: VALUE",
    multiple=True,
    callback=_read_headers,
    help="Sent with each request, as in 'X-Api-Key: ${SHOP_KEY}'. Repeatable.",
)
def init(urls: Sequence[str], path: Path, force: bool, headers: Mapping[str, str]) -> None:
    """Draft a configuration from one page of each URL.

    Recognises well-known APIs, paging, records and fields, shows the first products, and says what is not certain.
    """
    with ErrorLine(as_json=False) as line:
        if path.exists() and not force:
            raise ConfigError([Problem(str(path), "is there already; name another file with -c, or --force")])
        _make_folder(path)
        drafted = trio.run(draft_config, urls, headers, path)
        line.secrets = drafted.secrets
        print_text(drafts_text(drafted, most=_SHOWN_PRODUCTS, width=_width()))
        if not drafted.pages:
            print_text("\nnothing is written, as there is nothing to go by")
            sys.exit(FAILED)
        path.write_text(drafted.text, encoding="utf-8")
        print_text(f"\nwritten: {path}\nnext:    python -m pipeline check -c {path}")
        sys.exit(COMPLETE if len(drafted.pages) == len(urls) else PARTIAL)


@click.command()
@common_options
@click.argument("name", required=False)
@click.option("-n", "--records", "most", type=click.IntRange(min=1), default=_SHOWN_RECORDS, show_default=True)
def preview(path: Path | None, settings: Mapping[str, str], name: str | None, most: int, **flags: str | None) -> None:
    """Show the first page of an endpoint, raw and normalized side by side.

    Without NAME, that of each endpoint.
    """
    with ErrorLine(as_json=wants_json(flags)) as line:
        config = configure(path, settings, flags, line)
        looked = trio.run(look_at_all, _chosen(config, name))
        for endpoint, outcome in looked:
            print_text(f"{endpoint.name}: {_first_line(outcome)}")
            if isinstance(outcome, FirstPage):
                records = records_of(endpoint.fields, endpoint.explode)
                print_text(side_by_side(outcome, records, most=most, width=_width()) + "\n")
        sys.exit(_exit_code([outcome for _, outcome in looked]))


@click.command()
@common_options
def check(path: Path | None, settings: Mapping[str, str], **flags: str | None) -> None:
    """Check configuration, environment variables and APIs.

    Each API is asked for its first page, once.
    """
    with ErrorLine(as_json=wants_json(flags)) as line:
        config = configure(path, settings, flags, line)
        looked = trio.run(look_at_all, _chosen(config, None))
        print_text(check_table(looked))
        sys.exit(_exit_code([outcome for _, outcome in looked]))


@click.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    print_text(config_schema())


def _chosen(config: Config, name: str | None) -> Sequence[ResolvedEndpoint]:
    endpoints = config.resolved()
    if name is None:
        return endpoints
    chosen = [endpoint for endpoint in endpoints if endpoint.name == name]
    if not chosen:
        known = ", ".join(endpoint.name for endpoint in endpoints)
        raise ConfigError([Problem(NO_ENDPOINTS.path, f"none is named {name!r}; there are: {known}")])
    return chosen


def _first_line(outcome: FirstPage | FetchError) -> str:
    if isinstance(outcome, FetchError):
        return printable(outcome.text)
    return f"{len(outcome.records)} records in {outcome.seconds * 1000:.0f} ms"


def _exit_code(outcomes: Sequence[FirstPage | FetchError]) -> int:
    failed = sum(isinstance(outcome, FetchError) for outcome in outcomes)
    return COMPLETE if not failed else FAILED if failed == len(outcomes) else PARTIAL


def _make_folder(path: Path) -> None:
    """Find out before anything is asked whether the file can be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a", encoding="utf-8").close()
        if not path.stat().st_size:
            path.unlink()
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be written: {error.strerror}")]) from None


def _width() -> int:
    return max(_NARROWEST, shutil.get_terminal_size((100, 24)).columns)
