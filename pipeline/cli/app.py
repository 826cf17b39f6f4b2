"""The program as a group of commands, with their arguments, options and examples; `run` is the default command.

A command loads its implementation when it is called. ``--help``, usage errors and completion stay fast that way.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from pipeline.cli.completion import complete_endpoint, complete_preset
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.options import (
    configuration_options,
    engine_options,
    key_option,
    products_options,
    read_body,
    read_headers,
    read_preset,
    read_switch,
    read_urls,
    store_options,
)
from pipeline.config.load import DEFAULT_PATH
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


@click.command(
    cls=Command,
    examples=(
        "-c shops.yaml -o out/shops.json",
        "run --set endpoints.shop.rate_limit.rps=1 -t 300",
        "run --resume -c shops.yaml",
        "-q -c shops.yaml --log-format json",
    ),
)
@configuration_options
@products_options
@store_options
@key_option("-t", "--timeout", key="timeout", metavar="TIME")
@key_option("-r", "--rate-limit", key="rate_limit.rps", metavar="RPS")
@key_option("-w", "--workers", key="worker_pool.size", metavar="N")
@engine_options
@key_option("--report/--no-report", key="report", default=None, callback=read_switch)
@key_option("--changes/--no-changes", key="changes", default=None, callback=read_switch)
@click.option(
    "--progress/--no-progress", default=True, help="Show bars on a terminal, and a line every few seconds elsewhere."
)
@click.option("--resume", is_flag=True, help="Continue an unfinished run: fetch only the missing pages.")
@click.option(
    "--only",
    metavar="NAME",
    multiple=True,
    shell_complete=complete_endpoint,
    help="Fetch this endpoint, and take the others over from the present summary. Repeatable.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing, and log only warnings and errors.")
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
@click.argument("urls", nargs=-1, required=True, metavar="[PRESET=]URL…", callback=read_urls)
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
    callback=read_headers,
    help="Header to send with each request, such as 'X-Api-Key: ${SHOP_KEY}' or ${file:PATH}. Repeatable.",
)
@click.option("--items", metavar="PATH", help="Path of the list of records, such as data.products, if it is not found.")
@click.option(
    "--json",
    "body",
    metavar="BODY",
    callback=read_body,
    help='Send requests by POST with this JSON object, or that in @FILE; also for GraphQL: \'{"query": "…"}\'.',
)
@click.option(
    "--preset",
    metavar="NAME",
    callback=read_preset,
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


@click.command(cls=Command, examples=("check -c shops.yaml", "check -c shops.yaml --estimate", "check --json"))
@configuration_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option("--estimate", is_flag=True, help="Estimate the requests and the time of a run; is `timeout` enough?")
def check(**options: Any) -> None:
    """Check configuration, environment, APIs and the store.

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


@click.command(cls=Command, examples=("schema > config.schema.json", "schema --events > events.schema.json"))
@click.option("--events", is_flag=True, help="Print that of the log's lines in JSON instead.")
def schema(*, events: bool) -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from pipeline.cli.session import print_text

    if events:
        from pipeline.model.events import events_schema

        print_text(events_schema())
        return
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
