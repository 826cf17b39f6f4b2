"""The commands that request first pages only: init, preview and check."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
import trio

from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.session import ErrorLine, configure, print_text, wants_json
from pipeline.config.record_paths import items_error
from pipeline.config.resolve import ResolvedEndpoint
from pipeline.config.settings import NO_ENDPOINTS, Config
from pipeline.discovery.append import appended, endpoint_names
from pipeline.discovery.checked import CheckResult, checked_endpoints
from pipeline.discovery.display import check_table, drafts_text, forecast_text, side_by_side
from pipeline.discovery.findings import findings_on
from pipeline.discovery.first_page import FirstPage, fetch_first_pages
from pipeline.discovery.forecast import forecast_run
from pipeline.discovery.init import Target, draft_config
from pipeline.errors import ConfigError, FetchError, Problem
from pipeline.fetch.groups import neighbours
from pipeline.normalize.normalizer import reader_for
from pipeline.output.atomic import write_files
from pipeline.output.files import OutputFiles
from pipeline.output.previous import PreviousSummary
from pipeline.store.opening import open_store
from pipeline.ui.columns import printable

# Products of each API that `init` shows.
_SHOWN_PRODUCTS = 5

_NARROWEST = 60


def init(
    *,
    urls: Sequence[tuple[str | None, str]],
    path: Path,
    force: bool,
    add: bool,
    headers: Mapping[str, str],
    items: str | None,
    body: Mapping[str, Any] | None,
    preset: str | None,
) -> None:
    """Draft a configuration, show the products of the first pages, and name the next command."""
    with ErrorLine(as_json=False) as line:
        existing = _existing(path, force=force, add=add)
        if items is not None and (error := items_error(items)):
            raise ConfigError([Problem("--items", error)])
        targets = [Target(url, named or preset, items, body) for named, url in urls]
        taken = endpoint_names(existing) if existing else ()
        drafted = trio.run(partial(draft_config, targets, headers, path, taken=taken))
        line.secrets = drafted.secrets
        print_text(drafts_text(drafted, most=_SHOWN_PRODUCTS, width=_width()))
        text = appended(path, existing, drafted.entries) if existing else drafted.text
        write_files({path: [text.encode()]})
        print_text(f"\nwritten: {path}\nnext:    {click.get_current_context().find_root().info_name} check -c {path}")
        if not drafted.pages:
            sys.exit(ExitCode.FAILED)
        sys.exit(ExitCode.COMPLETE if len(drafted.pages) == len(urls) else ExitCode.PARTIAL)


def _existing(path: Path, *, force: bool, add: bool) -> str:
    """Return the text of the file to which endpoints are added, empty for a new file."""
    if path.exists() and not force and not add:
        remedy = "name another file with -c, add to it with --add, or overwrite it with --force"
        raise ConfigError([Problem(str(path), f"already exists; {remedy}")])
    _make_folder(path)
    if not (add and path.exists()):
        return ""
    try:
        with path.open(encoding="utf-8", newline="") as file:  # its line ends are kept
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), f"cannot be read: {error}; name another file with -c")]) from None
    appended(path, text, "")  # before any request: can it be added to?
    return text


def preview(path: Path | None, settings: Mapping[str, str], name: str | None, most: int, **flags: str | None) -> None:
    """Show the first records of one endpoint, or of every endpoint."""
    with ErrorLine(as_json=wants_json(flags)) as line:
        endpoints = configure(path, settings, flags, line).endpoints
        looked = trio.run(fetch_first_pages, endpoints if name is None else [_named(name, endpoints)])
        for endpoint, outcome in looked:
            print_text(f"{endpoint.name}: {_first_line(outcome)}")
            if isinstance(outcome, FirstPage):
                reader = reader_for(endpoint.fields, endpoint.explode, endpoint.transform)
                print_text(side_by_side(outcome, reader, most=most, width=_width()) + "\n")
        sys.exit(_exit_code([outcome for _, outcome in looked]))


def check(
    path: Path | None, settings: Mapping[str, str], *, as_json: bool, estimate: bool, **flags: str | None
) -> None:
    """Request the first page of each endpoint, show a table of the results, and connect to the store."""
    with ErrorLine(as_json=wants_json(flags)) as line:
        loaded = configure(path, settings, flags, line)
        store = open_store(loaded.store) if loaded.store else None
        looked = trio.run(fetch_first_pages, loaded.endpoints)
        code = _exit_code([outcome for _, outcome in looked])
        notices = list(map(printable, neighbours(loaded.endpoints)))
        forecast = forecast_run(looked, loaded.config, _last_requests(loaded.config)) if estimate else None
        if not as_json:
            print_text("\n".join([check_table(looked), *notices]))
        if store:
            store.check()
            if not as_json:
                print_text(f"store: ok, {store.place}")
        if as_json:
            place = store.place if store else None
            result = CheckResult(code, checked_endpoints(looked), notices, place, forecast)
            print_text(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
        elif forecast:
            print_text(f"\n{forecast_text(forecast)}")
        sys.exit(code)


def _last_requests(config: Config) -> Mapping[str, int]:
    """Return the requests of each source in the newest summary, if there is one."""
    return PreviousSummary.read(OutputFiles.of_newest(config).summary).requests


def _named(name: str, endpoints: Sequence[ResolvedEndpoint]) -> ResolvedEndpoint:
    for endpoint in endpoints:
        if endpoint.name == name:
            return endpoint
    known = ", ".join(endpoint.name for endpoint in endpoints)
    raise ConfigError([Problem(NO_ENDPOINTS.path, f"none is named {name!r}; there are: {known}")])


def _first_line(outcome: FirstPage | FetchError) -> str:
    if isinstance(outcome, FetchError):
        return printable(outcome.text)
    return f"{len(outcome.records)} records in {outcome.seconds * 1000:.0f} ms"


def _exit_code(outcomes: Sequence[FirstPage | FetchError]) -> ExitCode:
    found = [None if isinstance(outcome, FetchError) else findings_on(outcome) for outcome in outcomes]
    if all(findings and not findings.unmet for findings in found):
        return ExitCode.COMPLETE
    return ExitCode.PARTIAL if any(findings and not findings.has_no_product for findings in found) else ExitCode.FAILED


def _make_folder(path: Path) -> None:
    """Create the folder, and fail before any request if the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a", encoding="utf-8").close()
        if not path.stat().st_size:
            path.unlink()
    except OSError as error:
        raise ConfigError(
            [Problem(str(path), f"cannot be written: {error.strerror}; name another file with -c")]
        ) from None


def _width() -> int:
    return max(_NARROWEST, shutil.get_terminal_size((100, 24)).columns)
