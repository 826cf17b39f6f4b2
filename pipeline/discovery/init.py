"""Draft the configuration of several APIs from two pages of each."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import trio

from pipeline.config.endpoint import Endpoint
from pipeline.config.expect import Expect
from pipeline.config.http_syntax import header_error, host_and_port, url_error
from pipeline.config.load import config_of, config_of_text
from pipeline.config.presets import Preset, load_preset
from pipeline.config.request import BodyFormat, Method
from pipeline.config.resolve import ResolvedEndpoint, resolve
from pipeline.config.settings import Config
from pipeline.discovery.draft import (
    Draft,
    draft_endpoint,
    draft_without_page,
    items_for,
    name_for,
    render_config,
    render_endpoints,
)
from pipeline.discovery.duration import slowest
from pipeline.discovery.explorer import Explorer
from pipeline.discovery.findings import findings_in
from pipeline.discovery.first_page import FirstPage
from pipeline.discovery.recognise import is_static_file, recognise, recognise_url
from pipeline.errors import ConfigError, FetchError, PermanentError, Problem
from pipeline.fetch.feed.formats import format_of_file
from pipeline.fetch.http.client import Connect, connector
from pipeline.fetch.http.stream import path_of
from pipeline.model.pages import utc_timestamp
from pipeline.normalize.normalizer import normalize_page, reader_for
from pipeline.redaction import Secrets, shown_url


class Target(msgspec.Struct, frozen=True):
    """An API to describe: its URL as the user wrote it, and what the user knows about it.

    ``preset`` is the name of its preset, ``items`` the path of its records, and ``body`` that of its requests, which
    are by POST then.
    """

    url: str
    preset: str | None = None
    items: str | None = None
    body: Mapping[str, Any] | None = None

    @property
    def is_file(self) -> bool:
        """True if it is a feed in a file on this machine."""
        return self.url.lower().startswith("file:")

    @property
    def known(self) -> Preset | None:
        """The preset that the user names, or that the URL shows."""
        return load_preset(self.preset) if self.preset else recognise_url(self.url)


class DraftResult(msgspec.Struct, frozen=True):
    """The drafted configuration: a draft of each URL, the fetched pages by endpoint name, and the text of the file.

    ``entries`` is the part of the text with the endpoints.

    ``config`` is loaded from ``text``, so that the products shown are those of a run with this file.
    """

    drafts: Sequence[Draft]
    pages: Mapping[str, FirstPage]
    text: str
    entries: str
    config: Config
    secrets: Secrets


async def draft_config(
    targets: Sequence[Target | str],
    headers: Mapping[str, str],
    path: Path,
    *,
    taken: Sequence[str] = (),
    connect: Connect | None = None,
) -> DraftResult:
    """Request two pages of each API and draft a configuration for the file ``path``; nothing is written.

    Each URL is requested as written, plus the path and credentials of its preset. Then a second page is requested as
    a run would do it. No endpoint gets a name in ``taken``. If cancelled, all connections are closed.

    Raises:
        ConfigError: if a URL or header is not valid, or names an environment variable that is not set.
    """
    wanted = [Target(target) if isinstance(target, str) else target for target in targets]
    _check(wanted, headers)
    names: list[str] = []
    for target in wanted:
        names.append(name_for(target.url, [*taken, *names]))
    groups = _groups({name: target.url for name, target in zip(names, wanted, strict=True) if not target.is_file})
    resolved = _resolve(
        [
            _endpoint(target, name, headers, target.known, groups.get(name))
            for target, name in zip(wanted, names, strict=True)
        ]
    )
    explorer = Explorer(connect or connector())
    pages: dict[str, FirstPage] = {}
    drafts: dict[str, Draft] = {}

    async def explore(target: Target, endpoint: ResolvedEndpoint) -> None:
        name = endpoint.name
        try:
            page = pages[name] = await explorer.first_page(endpoint, finds=not (target.items or target.preset))
        except FetchError as error:
            drafts[name] = _draft_of_failure(error, target, endpoint, headers)
            return
        found = load_preset(target.preset) if target.preset else recognise_url(target.url) or recognise(page)
        proof = None
        if page.format is BodyFormat.JSON and not is_static_file(page, found):
            items = None if found else items_for(page)
            described = _endpoint(target, name, headers, found, groups.get(name), items=items)
            (again,) = _resolve([described])
            proof = await explorer.prove(again, page)
        draft = draft_endpoint(page, name=name, url=target.url, headers=headers, preset=found, proof=proof)
        drafts[name] = _with_request(draft, target)

    async with trio.open_nursery() as nursery:
        for target, endpoint in zip(wanted, resolved, strict=True):
            nursery.start_soon(explore, target, endpoint)
    return _result([_in_group(drafts[name], groups.get(name)) for name in names], pages, path, resolved)


def _result(
    drafts: Sequence[Draft], pages: Mapping[str, FirstPage], path: Path, resolved: Sequence[ResolvedEndpoint]
) -> DraftResult:
    """Render the drafts, with a deadline that allows for what the pages announce."""
    output = f"out/{path.stem if path.stem != 'config' else 'summary'}.json"
    config = config_of_text(render_config(drafts, path=str(path), output=output))
    drafts = [_without_prices(*each, pages) for each in zip(drafts, config.endpoints, strict=True)]
    longest = slowest(pages.values(), config)
    text = render_config(drafts, path=str(path), output=output, longest=longest)
    return DraftResult(
        drafts=drafts,
        pages=pages,
        text=text,
        entries=render_endpoints(drafts),
        config=config_of_text(text),
        secrets=Secrets.of_all(endpoint.secrets for endpoint in resolved),
    )


def _endpoint(
    target: Target,
    name: str,
    headers: Mapping[str, str],
    preset: Preset | None,
    group: str | None,
    *,
    items: str | None = None,
) -> Mapping[str, Any]:
    """Return the endpoint as a configuration describes it, so that a request is that of a run with the draft."""
    described: dict[str, Any] = {"name": name, "url": target.url, "headers": headers}
    if preset:
        described["preset"] = preset.name
    if target.body is not None:
        described["request"] = {"method": Method.POST.value, "json": target.body}
    if target.is_file and not (preset and "format" in preset.endpoint):
        described["format"] = _format_of(target)
    if path := target.items or items:
        described["items"] = path
    if group:
        described["rate_limit"] = {"group": group}
    return described


def _resolve(endpoints: Sequence[Mapping[str, Any]]) -> Sequence[ResolvedEndpoint]:
    """Resolve endpoints; the errors do not name them, since the user has not written them yet."""
    try:
        return resolve(config_of({"endpoints": endpoints}))
    except ConfigError as error:
        problems = [Problem(re.sub(r"^endpoints\.\d+\.", "", problem.path), problem.text) for problem in error.problems]
        raise ConfigError(list(dict.fromkeys(problems))) from None


def _draft_of_failure(
    error: FetchError, target: Target, endpoint: ResolvedEndpoint, headers: Mapping[str, str]
) -> Draft:
    why, preset = error.text, target.known
    if error.code in (401, 403) and not endpoint.unset:
        why += "; if it needs credentials, pass them with -H 'Authorization: Bearer ${TOKEN}'"
    elif isinstance(error, PermanentError) and not preset:
        why += "; if it is a well-known API, write PRESET=URL"
    draft = draft_without_page(
        name=endpoint.name, url=target.url, headers=headers, why=why, preset=preset, items=target.items
    )
    return _with_request(draft, target)


def _with_request(draft: Draft, target: Target) -> Draft:
    if target.body is None:
        return draft
    request = {"method": Method.POST.value, "json": target.body}
    return msgspec.structs.replace(draft, keys={"request": request, **draft.keys})


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
        comments={**draft.comments, "expect": "seen: no record has a price; remove this if others have one"},
    )


def _groups(urls: Mapping[str, str]) -> Mapping[str, str]:
    """Return a group for each endpoint that shares its host and port with another one: the name of the first."""
    hosts = {name: host_and_port(url) for name, url in urls.items()}
    members = {host: [name for name, own in hosts.items() if own == host] for host in hosts.values()}
    return {name: members[host][0] for name, host in hosts.items() if len(members[host]) > 1}


def _in_group(draft: Draft, group: str | None) -> Draft:
    if group is None:
        return draft
    comment = "guessed: the endpoints of a host share its limit"
    return msgspec.structs.replace(
        draft,
        keys={**draft.keys, "rate_limit": {"group": group}},
        comments={**draft.comments, "rate_limit": comment},
    )


def _check(targets: Sequence[Target], headers: Mapping[str, str]) -> None:
    complaints = [(shown_url(target.url), url_error(target.url, file_of_feed=True)) for target in targets]
    complaints += [(name, header_error(name, text)) for name, text in headers.items()]
    if problems := [Problem(where, text) for where, text in complaints if text]:
        raise ConfigError(problems)


def _format_of(target: Target) -> str:
    """Return the format of a feed in a file.

    Raises:
        ConfigError: if the file cannot be read, or is not a feed.
    """
    try:
        found = format_of_file(path_of(target.url))
    except OSError as error:
        raise ConfigError([Problem(target.url, f"cannot be read: {error.strerror}; check the path")]) from None
    if found is None:
        wrong = "is not recognised as a feed; expected CSV, TSV, XML or JSON Lines; a suffix such as .csv helps"
        raise ConfigError([Problem(target.url, wrong)])
    return found.value
