"""The program as a group of commands, of which `run` is the one that is meant when none is named."""

import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from pipeline.cli.commands import check, init, preview, replay_rejects, run, schema
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.help import write_lines
from pipeline.cli.options import version_option

USUAL_PATH = (
    "init -c shops.yaml https://shop.example/products.json",
    "preview -c shops.yaml",
    "check -c shops.yaml",
    "-c shops.yaml",
)


class _RunByDefault(click.Group):
    """A group whose bare call, and whose flags, are those of its ``run`` command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        completes_command = ctx.resilient_parsing and not args
        if not completes_command and (not args or (args[0].startswith("-") and args[0] not in own)):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # while a command's modules load; from then on it is the command's to tell
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
        with formatter.section("Options of run, also without naming it"):
            formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), code.meaning) for code in ExitCode])


@click.group(
    cls=_RunByDefault,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`COMMAND --help` has the options and examples of a command. The README has the rest.",
)
@version_option
def main() -> None:
    """Fetch product catalogues from several HTTP APIs and write one clean summary."""


for command in (init, preview, check, run, replay_rejects, schema):
    main.add_command(command)
