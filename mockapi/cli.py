"""The command line: serve the mocks until a signal, while a command runs, or for the demonstration."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import click
import trio

from mockapi import credentials
from mockapi.command import CommandError, run_command
from mockapi.demo import demonstrate
from mockapi.faults import KINDS, Fault, parse_fault
from mockapi.personas import NAMES, PERSONAS, path, usual_port
from mockapi.probe import wait_until_healthy
from mockapi.quota import Quota, parse_quota
from mockapi.serve import ListenError, serving
from mockapi.settings import CHOICES, Settings

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

EXAMPLES = (
    "--persona dummyjson --latency 0.3",
    "--error-rate 0.1 --fault 'api2:*:reset'",
    "--rate-limit 5 exec -- python -m pipeline -r 10",
)


def _read_faults(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> list[Fault]:
    try:
        return [parse_fault(value) for value in values]
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _read_quota(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> Quota | None:
    try:
        return None if value is None else parse_quota(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _read_ports(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> list[int]:
    texts = value.split(",") if value else []
    if not all(text.isdecimal() and int(text) < 65_536 for text in texts):
        raise click.BadParameter(
            f"{value!r} is not a valid list of ports; expected numbers such as 8001,8002,8003, or 0 for free ports"
        )
    return [int(text) for text in texts]


class _Mocks(click.Group):
    """A group whose help ends with examples and the possible values of its options."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in EXAMPLES:
                formatter.write(f"  {ctx.info_name} {example}\n")
        with formatter.section("Personas"):
            formatter.write_dl([(name, f"127.0.0.1:{usual_port(name)}{path(name)}") for name in NAMES])
        with formatter.section("Kinds of faults"):
            formatter.write_dl(list(KINDS.items()))
        formatter.write_paragraph()
        formatter.write_text(credentials.HELP)


@click.group(
    cls=_Mocks,
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "MOCKAPI",
        "max_content_width": 100,
        "show_default": True,
    },
)
@click.option("--seed", type=int, default=1, help="Seed of the content and the random faults.")
@click.option(
    "--night",
    type=click.IntRange(min=0),
    default=0,
    help="Night of the catalogues of api1, api2 and api3, which move by the seed: prices change, products come and go.",
)
@click.option("--pages", type=click.IntRange(min=0), default=7, help="Pages per persona.")
@click.option("--per-page", type=click.IntRange(min=1), default=20, help="Products per page.")
@click.option(
    "--error-rate", type=click.FloatRange(0, 1), default=0.0, help="Share of requests that are answered with a 5xx."
)
@click.option("--latency", type=click.FloatRange(min=0), default=0.0, help="Seconds by which each answer is delayed.")
@click.option("--rate-limit", type=click.FloatRange(min=0), default=0.0, help="Requests per second; 0: no limit.")
@click.option("--burst", type=click.IntRange(min=1), default=5, help="Burst of the rate limit.")
@click.option(
    "--quota",
    callback=_read_quota,
    metavar="QUOTA",
    help="Quota of each persona, REQUESTS/SECONDS[:fixed|:sliding|:bucket][:counting][:silent]: of which kind, whether"
    " refused requests count, and whether answers have no rate limit headers.  [default: their own]",
)
@click.option(
    "--past-end",
    type=click.Choice(CHOICES["past_end"]),
    help="Answer to a page after the last one: the persona's own, the last page, or an error with this status."
    "  [default: their own]",
)
@click.option(
    "--unknown-parameters",
    type=click.Choice(CHOICES["unknown_parameters"]),
    help="Effect of query parameters that a persona does not know: none, a filter that matches no record, or a 400."
    "  [default: their own]",
)
@click.option(
    "--media-type",
    help="Media type of the answers; requests whose Accept does not admit it get 406.  [default: their own]",
)
@click.option(
    "--errors",
    type=click.Choice(CHOICES["errors"]),
    metavar="PATH",
    help=f"Path of the message in error bodies: {', '.join(CHOICES['errors'])}.  [default: their own]",
)
@click.option(
    "--fault",
    "faults",
    envvar="MOCKAPI_FAULT",
    multiple=True,
    callback=_read_faults,
    metavar="FAULT",
    help="A fault, PERSONA:PAGES:KIND[=VALUE][xTIMES]. Repeatable.",
)
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option(
    "--ports",
    callback=_read_ports,
    help="Port of each served persona, such as 8001,8002,8003; 0: free ports.  [default: their own, from 8001]",
)
@click.option(
    "--token-requests",
    type=click.IntRange(min=1),
    default=5,
    help="Requests for which an access token is valid, for personas with access tokens.",
)
@click.option(
    "--persona",
    "personas",
    envvar="MOCKAPI_PERSONA",
    multiple=True,
    type=click.Choice(NAMES),
    metavar="NAME",
    default=PERSONAS,
    help="Serve only this persona. Repeatable.",
)
@click.pass_context
def main(ctx: click.Context, /, **options: Any) -> None:
    """Serve the mock product APIs until SIGINT or SIGTERM.

    Every option is also an environment variable: --error-rate is MOCKAPI_ERROR_RATE.
    """
    try:
        ctx.obj = Settings(**{name: value for name, value in options.items() if value is not None})
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if ctx.invoked_subcommand is None:
        _run(partial(_serve_until_signal, ctx.obj))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def exec(settings: Settings, command: tuple[str, ...]) -> None:  # noqa: A001 - the command's name
    """Serve the mocks while COMMAND runs, and exit with its code.

    The base URL of each mock is in the variable MOCKAPI_<NAME>_URL, such as MOCKAPI_API1_URL.
    """
    _run(partial(_serve_around, settings, command))


@main.command()
def demo() -> None:
    """Show how the pipeline handles faults, with evidence.

    The evidence comes from the servers and from the summary.
    """
    _run(demonstrate)


def _run(serve: Callable[[], Awaitable[int]]) -> None:
    try:
        sys.exit(trio.run(serve))
    except* (ListenError, CommandError) as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        click.echo(f"Error: {error}", err=True)
        sys.exit(getattr(error, "code", 1))


async def _serve_until_signal(settings: Settings) -> int:
    with trio.open_signal_receiver(*_SIGNALS) as signals:
        async with serving(settings) as urls:
            for name, url in urls.items():
                click.echo(f"{name} on {url}{path(name)}")
            async for _ in signals:
                return 0
    return 0


async def _serve_around(settings: Settings, command: Sequence[str]) -> int:
    async with serving(settings) as urls:
        await wait_until_healthy(urls.values())
        variables = {f"MOCKAPI_{name.upper()}_URL": url for name, url in urls.items()}
        return await run_command(command, {**os.environ, **variables})
