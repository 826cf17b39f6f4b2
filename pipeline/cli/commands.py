"""The commands as they are typed: their options, arguments and examples.

What does the work is loaded when a command is called: ``--help``, mistakes on the command line and completion need not
wait for it.
"""

from pathlib import Path
from typing import Any

import click

from pipeline.cli.completion import complete_endpoint, complete_preset
from pipeline.cli.help import Command
from pipeline.cli.options import configuration_options, key_option, products_option, version_option
from pipeline.layers import DEFAULT_PATH
from pipeline.preset import complaint_about_preset


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
@products_option
@key_option("-t", "--timeout", key="timeout", metavar="SECONDS")
@key_option("-r", "--rate-limit", key="rate_limit.rps", metavar="RPS")
@key_option("-w", "--workers", key="worker_pool.size", metavar="N")
@key_option("--report/--no-report", key="report", default=None, callback=_read_switch)
@click.option("--progress/--no-progress", default=True, help="Bars on a terminal, a line every few seconds elsewhere.")
@click.option("--resume", is_flag=True, help="Go on with an unfinished run: fetch only the pages that are missing.")
@click.option("--allow-partial", is_flag=True, help="Exit with 0 instead of 3 when something is missing.")
@version_option
def run(**options: Any) -> None:
    """Fetch everything and write the summary.

    This is also what a bare call does. Any key of the configuration can also be set in the environment: rate_limit.rps
    is PIPELINE_RATE_LIMIT_RPS.
    """
    from pipeline.cli import running

    running.run(**options)


@click.command(cls=Command, examples=("replay-rejects -c shops.yaml", "replay-rejects -o out/shops.json"))
@configuration_options
@products_option
def replay_rejects(**options: Any) -> None:
    """Normalize the rejected records again, without fetching.

    To be used after a fix. What becomes a product goes into the summary, the rest stays in the file of rejected
    records. The file for the products alone is written anew.
    """
    from pipeline.cli import running

    running.replay_rejects(**options)


def _read_headers(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for value in values:
        name, colon, text = value.partition(":")
        if not colon:
            raise click.BadParameter("a header is of the form 'NAME: VALUE', as in 'X-Api-Key: ${SHOP_KEY}'")
        headers[name.strip()] = text.strip()
    return headers


def _read_preset(_ctx: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and (complaint := complaint_about_preset(name)):
        raise click.BadParameter(complaint)
    return name


@click.command(
    cls=Command,
    examples=(
        "init https://shop.example/products.json",
        "init --preset woocommerce_store https://shop.example",
        "init -H 'X-Api-Key: ${SHOP_KEY}' https://shop.example/items",
    ),
)
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
@click.option(
    "--preset",
    metavar="NAME",
    callback=_read_preset,
    shell_complete=complete_preset,
    help="What well-known API they are, where the answer would not tell; the address of the host is enough then.",
)
def init(**options: Any) -> None:
    """Draft a configuration from one page of each URL.

    Recognises well-known APIs, paging, records and fields, shows the first products, and says what is not certain.
    """
    from pipeline.cli import looking

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
    help="How many records are shown.",
)
def preview(**options: Any) -> None:
    """Show the first records, raw and normalized side by side.

    They are those of the endpoint NAME, or of each endpoint.
    """
    from pipeline.cli import looking

    looking.preview(**options)


@click.command(cls=Command, examples=("check -c shops.yaml", "check --log-format json"))
@configuration_options
def check(**options: Any) -> None:
    """Check configuration, environment variables and APIs.

    Each API is asked for its first page, once.
    """
    from pipeline.cli import looking

    looking.check(**options)


@click.command(cls=Command, examples=("schema > config.schema.json",))
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from pipeline.cli.console import print_text
    from pipeline.schema import config_schema

    print_text(config_schema())
