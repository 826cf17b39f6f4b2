"""Authentication: bearer token, user name and password, API key, or OAuth 2 client credentials.

Each scheme is one class with its keys, its checks, and what it sends. To add one, write a subclass of
:class:`Scheme`, mark its secret keys :data:`SECRET`, and give :class:`Auth` a field of it; see docs/EXTENDING.md.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Self
from urllib.parse import quote_plus, urljoin, urlsplit

import msgspec
from msgspec import Meta

from pipeline.config.expansion import Expansion, expand_query, variables_in
from pipeline.config.http_syntax import basic_credentials, header_error, url_error
from pipeline.config.section import SECRET, Section, Word, extra_in
from pipeline.errors import ConfigError, Problem

NonEmpty = Annotated[str, Meta(min_length=1)]
Secret = Annotated[str, Meta(extra={SECRET: True})]
Token = Annotated[str, Meta(min_length=1, extra={SECRET: True})]


class Credentials(msgspec.Struct, frozen=True):
    """The headers and query parameters that are sent with each request of an endpoint; its repr hides them.

    ``sign`` is called with the URL of each request, as it is sent, and returns further headers, such as a signature.
    """

    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    sign: Callable[[str], Mapping[str, str]] | None = None
    oauth2: "OAuth2 | None" = None

    def __repr__(self) -> str:
        return "Credentials(…)"


NO_CREDENTIALS = Credentials()


class Scheme(Section, frozen=True):
    """The base of the authentication schemes. The paths of its problems are relative to it."""

    def problems(self) -> list[Problem]:
        """Return what is wrong with the keys, before references are expanded."""
        return []

    def sent_as(self) -> str:
        """Return the header that carries the credentials, in lower case; empty if none does."""
        return "authorization"

    def credentials(self, values: "Values") -> Credentials:
        """Return what is sent; problems are added to ``values``."""
        raise NotImplementedError


class Values:
    """The values of a scheme's keys with references expanded; collects ``problems`` on the way.

    Values under keys that are marked :data:`SECRET` are hidden from output.
    """

    def __init__(self, scheme: Scheme, url: str, expansion: Expansion) -> None:
        self._scheme = scheme
        self._url = url
        self._secret_keys = {f.name for f in msgspec.structs.fields(type(scheme)) if extra_in(f.type, SECRET)}
        self.expansion = expansion
        self.problems: list[Problem] = []

    def text(self, key: str) -> str:
        """Return the text under ``key``, empty if it is not set."""
        value = self.expansion.expand(getattr(self._scheme, key) or "", secret=key in self._secret_keys)
        self._take_problems(key)
        return value

    def url(self, key: str) -> str:
        """Return the URL under ``key``, relative to that of the endpoint, without the endpoint's user."""
        home = urlsplit(self._url)
        base = home._replace(netloc=home.netloc.rpartition("@")[2]).geturl()
        value = expand_query(urljoin(base, getattr(self._scheme, key)), self.expansion)
        self._take_problems(key)
        return value

    def _take_problems(self, key: str) -> None:
        path = "" if key == self._scheme.shorthand else key
        self.problems += [Problem(path, text) for text in self.expansion.take_problems()]


class Bearer(Scheme, frozen=True):
    """A bearer token (RFC 6750), always written as plain text."""

    shorthand: ClassVar[str | None] = "token"

    token: Token

    def credentials(self, values: Values) -> Credentials:
        """Return the header of section 2.1."""
        return Credentials({"Authorization": f"Bearer {values.text('token')}"})


class BasicAuth(Scheme, frozen=True):
    """User name and password (RFC 7617)."""

    username: Annotated[str, Meta(description="user name")] = ""
    password: Annotated[Secret, Meta(description="password; may be empty")] = ""

    def problems(self) -> list[Problem]:
        """Return a problem if there is no user name."""
        return _missing(self, "username")

    def credentials(self, values: Values) -> Credentials:
        """Return the header of section 2."""
        user, password = values.text("username"), values.text("password")
        if ":" in user:
            text = "contains a `:`, which is not allowed in a user name (RFC 7617, section 2)"
            values.problems.append(Problem("username", text))
        return Credentials({"Authorization": _basic(user, password, values.expansion)})


class ApiKey(Scheme, frozen=True):
    """A key in the header or query parameter of the given name; exactly one of the two."""

    value: Annotated[Secret, Meta(description="the key")] = ""
    header: Annotated[NonEmpty | None, Meta(description="name of the header that carries the key")] = None
    query: Annotated[NonEmpty | None, Meta(description="name of the query parameter that carries the key")] = None

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """Drop header and query if a user names one of them, since the key is sent in one place only."""
        return type(self)(value=self.value) if {"header", "query"} & keys.keys() else self

    def problems(self) -> list[Problem]:
        """Return a problem for a missing value, a missing or second place, and a header that cannot be sent."""
        problems = _missing(self, "value")
        if bool(self.header) == bool(self.query):
            problems.append(Problem("", "needs either `header` or `query`, for where the key is sent"))
        if self.header and (error := header_error(self.header, "x")):
            problems.append(Problem("header", error))
        return problems

    def sent_as(self) -> str:
        """Return the header, in lower case."""
        return (self.header or "").lower()

    def credentials(self, values: Values) -> Credentials:
        """Return the header or the query parameter."""
        value = values.text("value")
        return Credentials({self.header: value}) if self.header else Credentials(query={self.query or "": value})


class ClientSecretIn(Word):
    """The part of a token request that carries client id and secret (RFC 6749, section 2.3.1)."""

    HEADER = "header"
    BODY = "body"


class OAuth2(Scheme, frozen=True):
    """Client credentials, exchanged for an access token (RFC 6749, section 4.4)."""

    token_url: Annotated[
        str, Meta(description="URL that issues access tokens; if it has no host, it is the endpoint's")
    ] = ""
    client_id: Annotated[str, Meta(description="client id")] = ""
    client_secret: Annotated[Secret, Meta(description="client secret")] = ""
    scope: Annotated[str | None, Meta(description="requested scope")] = None
    secret_in: Annotated[
        ClientSecretIn, Meta(description="where id and secret are sent: in the `header`, or in the `body` as a form")
    ] = ClientSecretIn.HEADER

    def __repr__(self) -> str:
        return f"OAuth2(token_url={self.token_url!r}, …)"

    def problems(self) -> list[Problem]:
        """Return a problem for each missing key, and for a URL that is not valid or contains a user."""
        problems = _missing(self, "token_url", "client_id", "client_secret")
        if self.token_url and (error := url_error(urljoin("http://its.own", self.token_url))):
            problems.append(Problem("token_url", error))
        elif "@" in urlsplit(self.token_url).netloc:
            problems.append(Problem("token_url", "contains a user; use `client_id` and `client_secret` instead"))
        return problems

    def credentials(self, values: Values) -> Credentials:
        """Return the expanded keys; the token is requested when the run needs it."""
        oauth2 = msgspec.structs.replace(
            self,
            token_url=values.url("token_url"),
            scope=values.text("scope") or None,
            client_id=values.text("client_id"),
            client_secret=values.text("client_secret"),
        )
        client_credentials_header(oauth2, values.expansion)
        return Credentials(oauth2=oauth2)


class Auth(Section, frozen=True):
    """Authentication of requests, by one scheme; see "Credentials" in docs/DESCRIBE.md.

    ``${NAME}`` in the values is an environment variable, and ``${file:PATH}`` the content of a file.

    Raises:
        ConfigError: if more than one scheme is given, or something is missing.
    """

    bearer: Annotated[Token | None, Meta(description="bearer token (RFC 6750)")] = None
    basic: BasicAuth | None = None
    api_key: ApiKey | None = None
    oauth2: OAuth2 | None = None

    def __post_init__(self) -> None:
        schemes = self._schemes()
        names = list(schemes)
        problems = [Problem(name, f"conflicts with `{names[0]}`; keep one of them") for name in names[1:]]
        for name, scheme in schemes.items():
            problems += _below(name, scheme.problems())
        if problems:
            raise ConfigError(problems)

    def as_defaults_for(self, keys: Mapping[str, object]) -> Self:
        """Drop the scheme if a user gives another one."""
        return self if self._schemes().keys() & keys.keys() else type(self)()

    def variables(self) -> set[str]:
        """Return the names of the environment variables that the values refer to."""
        values = [getattr(each, key) for each in self._schemes().values() for key in each.__struct_fields__]
        return {name for value in values if isinstance(value, str) for name in variables_in(value)}

    def sent_as(self) -> str:
        """Return the header that carries the credentials, in lower case; empty if none does."""
        return next((scheme.sent_as() for scheme in self._schemes().values()), "")

    def resolve(self, url: str, expansion: Expansion) -> tuple[Credentials, list[Problem]]:
        """Return the credentials for ``url`` with references expanded, and all problems with them."""
        for name, scheme in self._schemes().items():
            values = Values(scheme, url, expansion)
            credentials = scheme.credentials(values)
            errors = [header_error(*header) for header in credentials.headers.items()]
            problems = values.problems or [Problem("", error) for error in errors if error]
            return credentials, _below(name, problems)
        return NO_CREDENTIALS, []

    def _schemes(self) -> dict[str, Scheme]:
        """Return the given schemes by key; after the checks there is at most one."""
        given = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return {name: Bearer(token=value) if isinstance(value, str) else value for name, value in given.items()}


NO_AUTH = Auth()


def client_credentials_header(client: OAuth2, expansion: Expansion | None = None) -> str:
    """Return the Authorization header for a client's token URL (RFC 6749, section 2.3.1)."""
    return _basic(quote_plus(client.client_id), quote_plus(client.client_secret), expansion)


def _basic(user: str, password: str, expansion: Expansion | None) -> str:
    encoded = basic_credentials(user, password)
    if expansion:
        expansion.hide(encoded)
    return f"Basic {encoded}"


def _missing(scheme: Scheme, *keys: str) -> list[Problem]:
    return [Problem(key, "needs a value") for key in keys if not getattr(scheme, key)]


def _below(name: str, problems: list[Problem]) -> list[Problem]:
    return [Problem(f"{name}.{problem.path}" if problem.path else name, problem.text) for problem in problems]
