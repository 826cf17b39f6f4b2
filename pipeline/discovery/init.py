"""Draft the configuration of several APIs from the first page of each."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from pipeline.config.expect import Expect
from pipeline.config.http_syntax import header_error, host_and_port, url_error
from pipeline.config.load import config_of_text
from pipeline.config.presets import load_preset
from pipeline.config.request import NO_REQUEST
from pipeline.config.resolve import resolve
from pipeline.config.settings import Config, Endpoint, RateLimit
from pipeline.discovery.draft import Draft, draft_endpoint, draft_without_page, name_for, render_config
from pipeline.discovery.duration import slowest
from pipeline.discovery.findings import findings_in
from pipeline.discovery.first_page import FirstPage, fetch_first_pages
from pipeline.discovery.recognise import recognise, recognise_url
from pipeline.errors import ConfigError, FetchError, PermanentError, Problem
from pipeline.fetch.http.client import Connect
from pipeline.model.pages import utc_timestamp
from pipeline.normalize.normalizer import normalize_page, reader_for
from pipeline.redaction import Secrets, shown_url


class DraftResult(msgspec.Struct, frozen=True):
    """The drafted configuration: a draft of each URL, the fetched pages by endpoint name, and the text of the file.

    ``config`` is loaded from ``text``, so that the products shown are those of a run with this file.
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
) -> DraftResult:
    """Request each URL once and draft a configuration for the file ``path``; nothing is written.

    Each URL is requested as written, plus the path and credentials of its preset. ``named`` is the preset of all URLs;
    without it presets are recognised. If cancelled, all connections are closed.

    Raises:
        ConfigError: if a URL or header is not valid, or names an environment variable that is not set.
    """
    _check(urls, headers)
    names: list[str] = []
    for url in urls:
        names.append(name_for(url, names))
    groups = _groups(urls, names)
    known = [load_preset(named) if named else recognise_url(url) for url in urls]
    endpoints = [
        Endpoint(
            name=name,
            url=preset.url(url) if preset else url,
            headers=headers,
            preset=preset.name if preset else None,
            request=preset.request if preset else NO_REQUEST,
            rate_limit=RateLimit(group=groups.get(name)),
        )
        for name, url, preset in zip(names, urls, known, strict=True)
    ]
    try:
        resolved = resolve(Config(endpoints=tuple(endpoints)))
    except ConfigError as error:  # the user has not written `endpoints` yet: report the keys alone
        problems = [Problem(re.sub(r"^endpoints\.\d+\.", "", problem.path), problem.text) for problem in error.problems]
        raise ConfigError(list(dict.fromkeys(problems))) from None
    drafts, pages = [], {}
    first_pages = await fetch_first_pages(resolved, connect=connect, plain=True)
    for (endpoint, outcome), url, preset in zip(first_pages, urls, known, strict=True):
        if isinstance(outcome, FetchError):
            why = outcome.text
            if outcome.code in (401, 403) and not endpoint.unset:
                why += "; if it needs credentials, pass them with -H 'Authorization: Bearer ${TOKEN}'"
            elif isinstance(outcome, PermanentError) and not preset:
                why += "; if it is a well-known API, name it with --preset"
            drafts.append(draft_without_page(name=endpoint.name, url=url, headers=headers, why=why, preset=preset))
        else:
            pages[endpoint.name] = outcome
            found = preset if named else recognise(outcome) or preset
            drafts.append(draft_endpoint(outcome, name=endpoint.name, url=url, headers=headers, preset=found))
    drafts = [_in_group(draft, groups.get(draft.name)) for draft in drafts]
    output = f"out/{path.stem if path.stem != 'config' else 'summary'}.json"
    config = config_of_text(render_config(drafts, path=str(path), output=output))
    drafts = [_without_prices(*each, pages) for each in zip(drafts, config.endpoints, strict=True)]
    longest = slowest(pages.values(), config)
    text = render_config(drafts, path=str(path), output=output, longest=longest)
    return DraftResult(
        drafts=drafts,
        pages=pages,
        text=text,
        config=config_of_text(text),
        secrets=Secrets.of_all(endpoint.secrets for endpoint in resolved),
    )


def _without_prices(draft: Draft, endpoint: Endpoint, pages: Mapping[str, FirstPage]) -> Draft:
    """Return the draft; if its page has products but no price, it expects none."""
    if (page := pages.get(draft.name)) is None:
        return draft
    reader = reader_for(endpoint.fields, endpoint.explode)
    found = findings_in(normalize_page(page.page(), utc_timestamp(), reader), Expect())
    if not found.products or found.priced:
        return draft
    return msgspec.structs.replace(
        draft,
        keys={**draft.keys, "expect": {"min_priced": 0}},
        comments={**draft.comments, "expect": "no price was seen; remove this if products have one"},
    )


def _groups(urls: Sequence[str], names: Sequence[str]) -> Mapping[str, str]:
    """Return a group for each endpoint that shares its host and port with another one: the name of the first."""
    hosts = [host_and_port(url) for url in urls]
    return {name: names[hosts.index(host)] for name, host in zip(names, hosts, strict=True) if hosts.count(host) > 1}


def _in_group(draft: Draft, group: str | None) -> Draft:
    if group is None:
        return draft
    comment = "shared by the endpoints of this host"
    return msgspec.structs.replace(
        draft,
        keys={**draft.keys, "rate_limit": {"group": group}},
        comments={**draft.comments, "rate_limit": comment},
    )


def _check(urls: Sequence[str], headers: Mapping[str, str]) -> None:
    complaints = [(shown_url(url), url_error(url)) for url in urls]
    complaints += [(name, header_error(name, text)) for name, text in headers.items()]
    if problems := [Problem(where, text) for where, text in complaints if text]:
        raise ConfigError(problems)
