"""The program as a group of commands, of which `run` is the one that is meant when none is named."""

import click

from pipeline.cli.looking import check, init, preview, schema
from pipeline.cli.options import version_option
from pipeline.cli.running import replay_rejects, run


class _RunByDefault(click.Group):
    """A group whose bare call, and whose flags, are those of its ``run`` command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        run = self.commands["run"]
        records = [
            record
            for p in run.get_params(ctx)
            if (record := p.get_help_record(ctx)) and p.name not in ("help", "version")
        ]
        with formatter.section("Options of run, also without naming it"):
            formatter.write_dl(records)
        super().format_options(ctx, formatter)


@click.group(
    cls=_RunByDefault,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 complete · 1 failed · 2 usage or config error · 3 partial · 130/143 stopped by a signal.",
)
@version_option
def main() -> None:
    """Fetch product catalogues from several HTTP APIs and write one clean summary.

    A bare call runs the pipeline on config/config.yaml.
    """


for command in (run, replay_rejects, init, preview, check, schema):
    main.add_command(command)
