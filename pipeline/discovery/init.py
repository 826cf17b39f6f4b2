"""Looks at one page of each of several APIs, and drafts their configuration."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from pipeline.config.http_syntax import header_error, url_error
from pipeline.config.load import config_of_text
from pipeline.config.presets import load_preset
from pipeline.config.resolve import resolve
from pipeline.config.settings import Config, Endpoint
from pipeline.discovery.draft import Draft, draft_of, draft_without_page, name_for, write_config
from pipeline.discovery.first_page import FirstPage, look_at_all
from pipeline.discovery.recognise import recognise, recognise_url
from pipeline.errors import ConfigError, FetchError, PermanentError, Problem
from pipeline.fetch.http.client import Connect
from pipeline.redaction import Secrets, shown_url


class Drafted(msgspec.Struct, frozen=True):
    """What came of looking at some URLs: a draft of each, the pages that came by name, and the configuration.

    ``config`` is what ``text`` says, so that what is shown of the pages is what a run will make of them.
    """

    drafts: Sequence[Draft]
    pages: Mapping[str, FirstPage]
    text: str
    config: Config
    secrets: Secrets


async def draft_config(
    urls: Sequence[str],
    headers: Mapping[str, str],
    path: Path,
    *,
    named: str | None = None,
    connect: Connect | None = None,
) -> Drafted:
    """Look at each URL once, as it is but for what a preset adds, and draft a configuration for ``path``.

    ``named`` is the preset that they are said to be of; without it that is found out.

    A cancellation leaves nothing behind.

    Raises:
        ConfigError: when a URL or header is none, or names an environment variable that is not there.
    """
    _check(urls, headers)
    names: list[str] = []
    for url in urls:
        names.append(name_for(url, names))
    known = [load_preset(named) if named else recognise_url(url) for url in urls]
    endpoints = [
        Endpoint(
            name=name,
            url=preset.url(url) if preset else url,
            headers=headers,
            preset=preset.name if preset else None,
        )
        for name, url, preset in zip(names, urls, known, strict=True)
    ]
    try:
        resolved = resolve(Config(endpoints=tuple(endpoints)))
    except ConfigError as error:  # the user wrote no endpoints yet
        said = [Problem(re.sub(r"^endpoints\.\d+\.", "", problem.path), problem.text) for problem in error.problems]
        raise ConfigError(list(dict.fromkeys(said))) from None
    drafts, pages = [], {}
    looked = await look_at_all(resolved, connect=connect, plain=True)
    for (endpoint, outcome), url, preset in zip(looked, urls, known, strict=True):
        if isinstance(outcome, FetchError):
            why = outcome.text
            if outcome.code in (401, 403) and not endpoint.unset:
                why += "; if it needs credentials, give them with -H 'Authorization: Bearer ${TOKEN}'"
            elif isinstance(outcome, PermanentError) and not preset:
                why += "; if it is a well-known API, say which with --preset"
            drafts.append(draft_without_page(name=endpoint.name, url=url, headers=headers, why=why, preset=preset))
        else:
            pages[endpoint.name] = outcome
            found = preset if named else recognise(outcome) or preset
            drafts.append(draft_of(outcome, name=endpoint.name, url=url, headers=headers, preset=found))
    text = write_config(drafts, path=str(path), output=f"out/{path.stem if path.stem != 'config' else 'summary'}.json")
    return Drafted(
        drafts=drafts,
        pages=pages,
        text=text,
        config=config_of_text(text),
        secrets=Secrets.of_all(endpoint.secrets for endpoint in resolved),
    )


def _check(urls: Sequence[str], headers: Mapping[str, str]) -> None:
    complaints = [(shown_url(url), url_error(url)) for url in urls]
    complaints += [(name, header_error(name, text)) for name, text in headers.items()]
    if problems := [Problem(where, text) for where, text in complaints if text]:
        raise ConfigError(problems)
