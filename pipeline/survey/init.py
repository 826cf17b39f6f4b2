"""Looks at one page of each of several APIs, and drafts their configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import trio

from pipeline.config import Config, Endpoint
from pipeline.credentials import Secrets
from pipeline.errors import ConfigError, FetchError, Problem
from pipeline.fetch.connect import Connect, connector
from pipeline.layers import config_of_text
from pipeline.resolved import ResolvedEndpoint
from pipeline.survey.draft import Draft, draft_of, draft_without_page, name_for, write_config
from pipeline.survey.first_page import FirstPage, fetch_first_page
from pipeline.survey.recognise import recognise_url

Looked = Sequence[tuple[ResolvedEndpoint, FirstPage | FetchError]]


class Findings(msgspec.Struct, frozen=True):
    """What came of looking at some URLs: a draft of each, the pages that came by name, and the configuration.

    ``config`` is what ``text`` says, so that what is shown of the pages is what a run will make of them.
    """

    drafts: Sequence[Draft]
    pages: Mapping[str, FirstPage]
    text: str
    config: Config
    secrets: Secrets


async def look_at_all(
    endpoints: Sequence[ResolvedEndpoint], *, connect: Connect | None = None, plain: bool = False
) -> Looked:
    """The first page of each endpoint, all asked for at once, or why it did not come; in their order.

    A cancellation leaves nothing behind.
    """
    connect = connect or connector()
    outcomes: list[FirstPage | FetchError | None] = [None] * len(endpoints)

    async def look(index: int, endpoint: ResolvedEndpoint) -> None:
        try:
            outcomes[index] = await fetch_first_page(endpoint, connect, plain=plain)
        except FetchError as error:
            outcomes[index] = error

    async with trio.open_nursery() as nursery:
        for index, endpoint in enumerate(endpoints):
            nursery.start_soon(look, index, endpoint)
    return [(endpoint, outcome) for endpoint, outcome in zip(endpoints, outcomes, strict=True) if outcome is not None]


async def draft_config(
    urls: Sequence[str], headers: Mapping[str, str], path: Path, *, connect: Connect | None = None
) -> Findings:
    """Look at each URL once, as it is but for what a preset adds, and draft a configuration for ``path``.

    A cancellation leaves nothing behind.

    Raises:
        ConfigError: when a URL or header is none, or names an environment variable that is not there.
    """
    names: list[str] = []
    for url in urls:
        names.append(name_for(url, names))
    known = [recognise_url(url) for url in urls]
    endpoints = [
        _endpoint(name, url, headers, preset.name if preset else None)
        for name, url, preset in zip(names, urls, known, strict=True)
    ]
    resolved = Config(endpoints=tuple(endpoints)).resolved()
    drafts, pages = [], {}
    looked = await look_at_all(resolved, connect=connect, plain=True)
    for (endpoint, outcome), url, preset in zip(looked, urls, known, strict=True):
        if isinstance(outcome, FetchError):
            why = outcome.text
            drafts.append(draft_without_page(name=endpoint.name, url=url, headers=headers, why=why, preset=preset))
        else:
            pages[endpoint.name] = outcome
            drafts.append(draft_of(outcome, name=endpoint.name, url=url, headers=headers))
    text = write_config(drafts, path=str(path), output=f"out/{path.stem if path.stem != 'config' else 'summary'}.json")
    return Findings(
        drafts=drafts,
        pages=pages,
        text=text,
        config=config_of_text(text),
        secrets=Secrets.of_all(endpoint.secrets for endpoint in resolved),
    )


def _endpoint(name: str, url: str, headers: Mapping[str, str], preset: str | None) -> Endpoint:
    try:
        return Endpoint(name=name, url=url, headers=headers, preset=preset)
    except ConfigError as error:
        raise ConfigError([Problem("", problem.text) for problem in error.problems]) from None
