"""How requests show who asks: bearer token, user and password, API key, or OAuth 2 client credentials."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Self
from urllib.parse import quote_plus, urljoin, urlsplit

import msgspec
from msgspec import Meta

from pipeline.config.expansion import Expansion, expand_query, variables_in
from pipeline.config.http_syntax import basic_credentials, header_error, url_error
from pipeline.config.section import Section, Word
from pipeline.errors import ConfigError, Problem

NonEmpty = Annotated[str, Meta(min_length=1)]


class BasicAuth(Section, frozen=True):
    """User name and password (RFC 7617)."""

    username: Annotated[str, Meta(description="who asks")] = ""
    password: Annotated[str, Meta(description="the password; may be empty")] = ""


class ApiKey(Section, frozen=True):
    """A key in a header or a query parameter of that name: one of both."""

    value: Annotated[str, Meta(description="the key")] = ""
    header: Annotated[NonEmpty | None, Meta(description="name of the header that it goes into")] = None
    query: Annotated[NonEmpty | None, Meta(description="name of the query parameter, where it goes into the URL")] = (
        None
    )

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """It goes to one place: another one replaces that."""
        return type(self)(value=self.value) if {"header", "query"} & keys.keys() else self


class ClientSecretIn(Word):
    """How a token URL wants the client's id and secret (RFC 6749, section 2.3.1)."""

    HEADER = "header"
    BODY = "body"


class OAuth2(Section, frozen=True):
    """Client credentials that an access token is given for (RFC 6749, section 4.4)."""

    token_url: Annotated[str, Meta(description="where access tokens are given; without a host, the endpoint's")] = ""
    client_id: Annotated[str, Meta(description="who asks")] = ""
    client_secret: Annotated[str, Meta(description="the client's secret")] = ""
    scope: Annotated[str | None, Meta(description="the rights that are asked for")] = None
    secret_in: Annotated[
        ClientSecretIn, Meta(description="where id and secret go: the `header`, or the `body`, as a form")
    ] = ClientSecretIn.HEADER

    def __repr__(self) -> str:
        return f"OAuth2(token_url={self.token_url!r}, …)"


class Credentials(msgspec.Struct, frozen=True):
    """What is sent with each request of an endpoint, not to be shown."""

    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    oauth2: OAuth2 | None = None

    def __repr__(self) -> str:
        return "Credentials(…)"


NO_CREDENTIALS = Credentials()


class Auth(Section, frozen=True):
    """How to show who asks: one way; see "Credentials" in DESCRIBE.md.

    ``${NAME}`` in the values is an environment variable.

    Raises:
        ConfigError: when there are several ways, or something is missing.
    """

    bearer: Annotated[NonEmpty | None, Meta(description="a bearer token (RFC 6750)")] = None
    basic: BasicAuth | None = None
    api_key: ApiKey | None = None
    oauth2: OAuth2 | None = None

    def __post_init__(self) -> None:
        ways = self._ways()
        problems = [Problem(way, f"means nothing beside `{ways[0]}`; keep one of both") for way in ways[1:]]
        if self.basic and not self.basic.username:
            problems.append(Problem("basic.username", "needs a value"))
        if self.api_key:
            problems += _problems_of_key(self.api_key)
        if self.oauth2:
            problems += _problems_of_oauth2(self.oauth2)
        if problems:
            raise ConfigError(problems)

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """Another way replaces the one there is."""
        return self if set(self._ways()) & keys.keys() else type(self)()

    def variables(self) -> set[str]:
        """The environment variables that it needs."""
        return {name for _, text in _texts(self) for name in variables_in(text)}

    def sent_as(self) -> str:
        """The header that it is sent in, lower case; empty where it is none."""
        if self.api_key:
            return (self.api_key.header or "").lower()
        return "authorization" if self._ways() else ""

    def resolve(self, url: str, expansion: Expansion) -> tuple[Credentials, list[Problem]]:
        """The credentials for ``url``, with environment variables put in and hidden; and what is wrong with them."""
        problems: list[Problem] = []

        def put_in(key: str, text: str, *, secret: bool = True) -> str:
            value = expansion.expand("authorization" if secret else "", text)
            problems.extend(Problem(key, complaint) for complaint in expansion.take_problems())
            return value

        headers: dict[str, str] = {}
        query: dict[str, str] = {}
        oauth2 = None
        if self.bearer is not None:
            headers["Authorization"] = f"Bearer {put_in('bearer', self.bearer)}"  # RFC 6750, section 2.1
        if self.basic:
            user = put_in("basic.username", self.basic.username, secret=False)
            headers["Authorization"] = _basic(user, put_in("basic.password", self.basic.password), expansion)
            if ":" in user:
                problems.append(
                    Problem("basic.username", "has a `:` in it, which a user name cannot have (RFC 7617, section 2)")
                )
        if self.api_key:
            value = put_in("api_key.value", self.api_key.value)
            if self.api_key.header:
                headers[self.api_key.header] = value
            else:
                query[self.api_key.query or ""] = value
        if self.oauth2:
            oauth2 = msgspec.structs.replace(
                self.oauth2,
                token_url=self._token_url(url, expansion, problems),
                scope=put_in("oauth2.scope", self.oauth2.scope or "", secret=False) or None,
                client_id=put_in("oauth2.client_id", self.oauth2.client_id, secret=False),
                client_secret=put_in("oauth2.client_secret", self.oauth2.client_secret),
            )
            client_credentials_header(oauth2, expansion)
        complaints = {} if problems else {name: header_error(name, text) for name, text in headers.items()}
        key = "api_key" if self.api_key else self._ways()[0] if self._ways() else ""
        problems += [Problem(key, text) for text in complaints.values() if text]
        return Credentials(headers, query, oauth2), problems

    def _token_url(self, url: str, expansion: Expansion, problems: list[Problem]) -> str:
        home = urlsplit(url)
        base = home._replace(netloc=home.netloc.rpartition("@")[2]).geturl()
        expanded = expand_query(urljoin(base, self.oauth2.token_url if self.oauth2 else ""), expansion)
        problems.extend(Problem("oauth2.token_url", complaint) for complaint in expansion.take_problems())
        return expanded

    def _ways(self) -> list[str]:
        return [way for way in self.__struct_fields__ if getattr(self, way) is not None]


NO_AUTH = Auth()


def client_credentials_header(how: OAuth2, expansion: Expansion | None = None) -> str:
    """The Authorization header of a client at its token URL (RFC 6749, section 2.3.1)."""
    return _basic(quote_plus(how.client_id), quote_plus(how.client_secret), expansion)


def _basic(user: str, password: str, expansion: Expansion | None) -> str:
    encoded = basic_credentials(user, password)
    if expansion:
        expansion.hide(encoded)
    return f"Basic {encoded}"


def _texts(section: Section) -> Iterator[tuple[str, str]]:
    for name in section.__struct_fields__:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _texts(value)
        elif isinstance(value, str):
            yield name, value


def _problems_of_key(key: ApiKey) -> list[Problem]:
    problems = [] if key.value else [Problem("api_key.value", "needs a value")]
    if bool(key.header) == bool(key.query):
        problems.append(Problem("api_key", "needs either `header` or `query`: where the key goes"))
    if key.header and (complaint := header_error(key.header, "x")):
        problems.append(Problem("api_key.header", complaint))
    return problems


def _problems_of_oauth2(how: OAuth2) -> list[Problem]:
    needed = ("token_url", "client_id", "client_secret")
    problems = [Problem(f"oauth2.{key}", "needs a value") for key in needed if not getattr(how, key)]
    if how.token_url and (complaint := url_error(urljoin("http://its.own", how.token_url))):
        problems.append(Problem("oauth2.token_url", complaint))
    elif "@" in urlsplit(how.token_url).netloc:
        problems.append(Problem("oauth2.token_url", "has a user in it: client_id and client_secret say who asks"))
    return problems
