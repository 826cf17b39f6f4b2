"""Play the scenes: serve the mocks, run the pipeline against them, narrate, and show the evidence."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import groupby
from pathlib import Path

import click

from mockapi.command import run_command
from mockapi.demo import two_nights
from mockapi.demo.evidence import Evidence, gather
from mockapi.demo.narrator import Narrator
from mockapi.demo.scenes import COOLDOWN, RPS, SCENES
from mockapi.probe import fetch_stats
from mockapi.serve import serving

_OUTPUT = Path("out/summary.json")
_REPORT = _OUTPUT.with_name("report.html")
_INTERRUPTED = (130, 143)

_OPENING = f"""\
Five product APIs at once, with the default settings: {RPS} requests per second
to each, three retries, and a circuit that opens for {COOLDOWN:g} s after three failures.
"""


async def demonstrate() -> int:
    """Run the demonstration, print its evidence and return the exit code: 0 if every promise was kept.

    If cancelled, the pipeline is killed and the mocks are closed.
    """
    click.echo(_OPENING)
    for number, scene in enumerate(SCENES, start=1):
        click.echo(f"  {number}  {scene.title}\n     {scene.name}: {scene.plot}")
    click.echo("\nThis takes half a minute, because of the open circuits. Log of the run:\n")
    async with AsyncExitStack() as servers:
        urls: dict[str, str] = {}
        for scene in SCENES:
            (urls[scene.name],) = (await servers.enter_async_context(serving(scene.settings))).values()
        narrator = Narrator(list(urls))
        code = await run_command(
            _command(urls), _environment(), on_output=narrator.output_line, on_error=narrator.log_line
        )
        stats = {name: await fetch_stats(url) for name, url in urls.items()}
    narrator.close()
    if code in _INTERRUPTED:
        click.echo("\nInterrupted: there is no evidence.")
        return code
    click.echo("\nThen two nights of one shop, with --changes and --store. The second one:\n")
    for line in await two_nights.play(_environment()):
        click.echo(line)
    nights = two_nights.gather(two_nights.moved(), two_nights.found())
    return _show([*gather(stats, _OUTPUT, code), *nights])


def _show(evidence: Sequence[Evidence]) -> int:
    click.echo("\nEvidence from the servers and from the summary:")
    titles = {scene.name: scene.title for scene in SCENES} | {two_nights.NAME: two_nights.TITLE}
    for name, items in groupby(evidence, key=lambda item: item.scene):
        click.echo(f"\n  {titles[name]} ({name})")
        for item in items:
            click.echo(f"  {'✓' if item.kept else '✗'} {item.promise}\n      {item.seen}")
    kept = sum(item.kept for item in evidence)
    click.echo(f"\n{kept} of {len(evidence)} promises kept.")
    if _REPORT.exists():
        click.echo(f"Report: {_REPORT}")
    return 0 if kept == len(evidence) else 1


def _command(urls: Mapping[str, str]) -> list[str]:
    endpoints = [{"name": name, "url": f"{url}/products"} for name, url in urls.items()]
    # Explicit, so that a configuration file in this directory has no effect.
    settings = {"endpoints": json.dumps(endpoints), "output": str(_OUTPUT), "log.format": "json"}
    sets = [f"--set={key}={value}" for key, value in settings.items()]
    return [sys.executable, "-m", "pipeline", "--config", os.devnull, "--no-progress", "--report", *sets]


def _environment() -> Mapping[str, str]:
    """Return the environment without the pipeline's settings, so that its defaults apply."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PIPELINE_")}
