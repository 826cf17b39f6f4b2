"""The program as a group of commands, with their arguments, options and examples; `run` is the default command.

A command loads its implementation when it is called. ``--help``, usage errors and completion stay fast that way.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from pipeline.cli.completion import complete_endpoint, complete_preset, complete_setting
from pipeline.cli.exit_codes import ExitCode
from pipeline.config.load import DEFAULT_PATH
from pipeline.config.presets import preset_error
from pipeline.config.section import keys_of
from pipeline.config.settings import Config, Format, Level
from pipeline.distribution import VERSION


class Command(click.Command):
    """A command whose help ends with ``examples``, which are command lines without the program's name."""

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples; click calls this at the end of the help."""
        write_lines("Examples", self.examples, ctx, formatter)


def write_lines(title: str, lines: Sequence[str], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write command lines under a title, with the name by which the program was called, and without line breaks."""
    with formatter.section(title):
        for line in lines:
            formatter.write(f"{'':{formatter.current_indent}}{ctx.find_root().info_name} {line}".rstrip() + "\n")


version_option = click.version_option(VERSION, message="pipeline %(version)s")

_F = TypeVar("_F", bound=Callable[..., None])

_MEANINGS = {key.path: key.meaning for key in keys_of(Config)}


def key_option(*names: str, key: str, **attributes: Any) -> Callable[[_F], _F]:
    """Return an option that sets a key of the configuration; its help is the key's meaning.

    The command receives it under the key's name, with ``__`` for the dots.
    """
    meaning = _MEANINGS[key]
    help_text = f"{meaning[0].upper()}{meaning[1:]} (key: {key})."
    return click.option(*names, key.replace(".", "__"), help=help_text, **attributes)


def products_options(command: _F) -> _F:
    """Add the options for the products file; the command receives their outcome as ``products``."""

    def choose(ctx: click.Context, _parameter: click.Parameter, without: bool) -> None:
        if without and ctx.params["products"] is not None:
            raise click.BadParameter("contradicts --products; keep one of them")
        if without:
            ctx.params["products"] = "null"

    unless = click.option(
        "--no-products",
        is_flag=True,
        expose_value=False,
        callback=choose,
        help="Write no file of products, even if the configuration names one (key: products).",
    )
    return key_option("--products", key="products", type=click.Path(), metavar="PATH", is_eager=True)(unless(command))


def configuration_options(command: _F) -> _F:
    """Add the options that are common to all commands that read a configuration."""
    options = [
        click.option(
            "-c",
            "--config",
            "path",
            type=click.Path(path_type=Path),
            help=f"YAML configuration file.  [default: {DEFAULT_PATH}]",
        ),
        key_option("-o", "--output", key="output", type=click.Path(), metavar="PATH"),
        key_option("-l", "--log-level", key="log.level", type=_choice(Level)),
        key_option("--log-format", key="log.format", type=_choice(Format)),
        click.option(
            "--set",
            "settings",
            metavar="KEY=VALUE",
            multiple=True,
            callback=_read_settings,
            shell_complete=complete_setting,
            help="Set any key of the configuration, such as rate_limit.rps=10. Repeatable.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _choice(words: type[Level] | type[Format]) -> click.Choice[str]:
    return click.Choice([word.value for word in words], case_sensitive=False)


def _read_settings(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            shown = re.split(r"[:\s]", value)[0]  # the rest may be a secret
            raise click.BadParameter(f"{shown!r} is not of the form KEY=VALUE (example: rate_limit.rps=10)")
        settings[key.strip()] = text
    return settings


def _read_switch(_ctx: click.Context, _parameter: click.Parameter, on: bool | None) -> str | None:
    return None if on is None else str(on).lower()


@click.command(
    cls=Command,
    examples=(
        "-c shops.yaml -o out/shops.json",
        "run --set endpoints.shop.rate_limit.rps=1 -t 300",
        "run --resume -c shops.yaml",
    ),
)
@configuration_options
@products_options
@key_option("-t", "--timeout", key="timeout", metavar="SECONDS")
@key_option("-r", "--rate-limit", key="rate_limit.rps", metavar="RPS")
@key_option("-w", "--workers", key="worker_pool.size", metavar="N")
@key_option("--report/--no-report", key="report", default=None, callback=_read_switch)
@key_option("--changes/--no-changes", key="changes", default=None, callback=_read_switch)
@click.option(
    "--progress/--no-progress", default=True, help="Show bars on a terminal, and a line every few seconds elsewhere."
)
@click.option("--resume", is_flag=True, help="Continue an unfinished run: fetch only the missing pages.")
@click.option("--allow-partial", is_flag=True, help="Exit with 0 instead of 3 if something is missing.")
@version_option
def run(**options: Any) -> None:
    """Fetch everything and write the summary.

    This is the default command. Any key of the configuration can also be set in the environment: rate_limit.rps is
    PIPELINE_RATE_LIMIT_RPS.
    """
    from pipeline.cli import run as running

    running.run(**options)


@click.command(cls=Command, examples=("replay-rejects -c shops.yaml", "replay-rejects -o out/shops.json"))
@configuration_options
@products_options
def replay_rejects(**options: Any) -> None:
    """Normalize the rejected records again, without fetching.

    Use this after a fix. Records that are valid now become products of the summary; the others stay in the file of
    rejected records. The file of products is rewritten.
    """
    from pipeline.cli import run as running

    running.replay_rejects(**options)


def _read_headers(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for value in values:
        name, colon, text = value.partition(":")
        if not colon:
            raise click.BadParameter("a header has the form 'NAME: VALUE' (example: 'X-Api-Key: ${SHOP_KEY}')")
        headers[name.strip()] = text.strip()
    return headers


def _read_preset(_ctx: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and (error := preset_error(name)):
        raise click.BadParameter(error)
    return name


def _read_urls(_ctx: click.Context, _parameter: click.Parameter, urls: tuple[str, ...]) -> list[tuple[str | None, str]]:
    """Return the preset, None without one, and the URL of each argument."""
    pairs: list[tuple[str | None, str]] = []
    for text in urls:
        name, equals, url = text.partition("=")
        has_preset = bool(equals) and "/" not in name and "?" not in name and "://" in url
        if has_preset and (error := preset_error(name)):
            raise click.BadParameter(error)
        pairs.append((name, url) if has_preset else (None, text))
    return pairs


def _read_body(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        body = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise click.BadParameter(f"{text[1:]} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise click.BadParameter(f"is not valid JSON: {error}; expected an object, or @FILE") from None
    if not isinstance(body, dict):
        raise click.BadParameter('is not a JSON object (example: \'{"query": "lamp"}\')')
    return body


@click.command(
    cls=Command,
    examples=(
        "init https://shop.example/products.json",
        "init magento2=https://shop.example https://other.example/items",
        "init -H 'X-Api-Key: ${SHOP_KEY}' https://shop.example/items",
        'init --json \'{"query": "lamp"}\' https://shop.example/search',
        "init --add -c shops.yaml https://third.example/api/products",
    ),
)
@click.argument("urls", nargs=-1, required=True, metavar="[PRESET=]URL…", callback=_read_urls)
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_PATH,
    show_default=True,
    help="File to write.",
)
@click.option("-f", "--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--add", is_flag=True, help="Add the endpoints to an existing file; what is in it stays as it is.")
@click.option(
    "-H",
    "--header",
    "headers",
    metavar="NAME: VALUE",
    multiple=True,
    callback=_read_headers,
    help="Header to send with each request, such as 'X-Api-Key: ${SHOP_KEY}' or ${file:PATH}. Repeatable.",
)
@click.option("--items", metavar="PATH", help="Path of the list of records, such as data.products, if it is not found.")
@click.option(
    "--json",
    "body",
    metavar="BODY",
    callback=_read_body,
    help='Send requests by POST with this JSON object, or that in @FILE; also for GraphQL: \'{"query": "…"}\'.',
)
@click.option(
    "--preset",
    metavar="NAME",
    callback=_read_preset,
    shell_complete=complete_preset,
    help="Name of a well-known API, if it is not recognised; the URL of the host is enough then. For one of several "
    "URLs, write NAME=URL.",
)
def init(**options: Any) -> None:
    """Draft a configuration from two pages of each URL.

    Recognises well-known APIs, paging, records and fields, proves the paging by a second page, shows the first
    products, and reports what is uncertain.
    """
    from pipeline.cli import discover as looking

    looking.init(**options)


@click.command(cls=Command, examples=("preview -c shops.yaml", "preview shop -n 5 --set endpoints.shop.items=data"))
@configuration_options
@click.argument("name", required=False, shell_complete=complete_endpoint)
@click.option(
    "-n",
    "--records",
    "most",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Number of records to show.",
)
def preview(**options: Any) -> None:
    """Show the first records, raw and normalized side by side.

    Shows those of the endpoint NAME, or of every endpoint.
    """
    from pipeline.cli import discover as looking

    looking.preview(**options)


@click.command(cls=Command, examples=("check -c shops.yaml", "check --log-format json"))
@configuration_options
def check(**options: Any) -> None:
    """Check configuration, environment variables and APIs.

    Requests the first page of each API once.
    """
    from pipeline.cli import discover as looking

    looking.check(**options)


@click.command(
    cls=Command,
    examples=("diff out/monday.json out/tuesday.json", "diff old.json new.json --format jsonl -o out/changes.jsonl"),
)
@click.argument("old", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("new", type=click.Path(path_type=Path, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option(
    "--format",
    "text_format",
    type=click.Choice(["text", "jsonl"]),
    help="Counts and the biggest moves as text, or all changes as JSON Lines.  [default: jsonl for a file, else text]",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything changed, and 2 if nothing can be compared.")
def diff(**options: Any) -> None:
    """Compare the summaries OLD and NEW.

    Shows what was added and removed, and which prices, currencies, titles, categories and further fields changed. What
    cannot be known, because a run was partial, is not counted.
    """
    from pipeline.cli import diff as comparing

    comparing.diff(**options)


@click.command(cls=Command, examples=("schema > config.schema.json",))
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from pipeline.cli.session import print_text
    from pipeline.config.schema import config_schema

    print_text(config_schema())


USUAL_PATH = (
    "init -c shops.yaml https://shop.example/products.json",
    "preview -c shops.yaml",
    "check -c shops.yaml",
    "-c shops.yaml",
)


class _RunByDefault(click.Group):
    """A group that calls its ``run`` command if no command is named, with all given flags."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        completes_command = ctx.resilient_parsing and not args
        if not completes_command and (not args or (args[0].startswith("-") and args[0] not in own)):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # while a command's modules load; later the command itself reports it
            click.echo("Error: interrupted", err=True)
            sys.exit(ExitCode.INTERRUPTED)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        items = super().shell_complete(ctx, incomplete) + self.commands["run"].shell_complete(ctx, incomplete)
        return list({item.value: item for item in items}.values())

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        return list(self.commands)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        write_lines("The usual path", USUAL_PATH, ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        run = self.commands["run"]
        records = [record for p in run.get_params(ctx) if (record := p.get_help_record(ctx)) and p.name != "help"]
        with formatter.section("Options of run, the default command"):
            formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), code.meaning) for code in ExitCode])


@click.group(
    cls=_RunByDefault,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="See `COMMAND --help` for the options and examples of a command, and the README for the rest.",
)
@version_option
def main() -> None:
    """Fetch product catalogues from several HTTP APIs and write one clean summary."""


for command in (init, preview, check, run, diff, replay_rejects, schema):
    main.add_command(command)
