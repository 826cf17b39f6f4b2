"""Expansion of environment variables: ``${NAME}`` is a variable, ``$${`` the literal text ``${``.

Only the values of headers and query parameters, and those of ``auth``, are expanded. The variables' values are secrets
from then on.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import quote, unquote

from pipeline.redaction import HIDDEN, Secrets, names_secret

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_SHORTEST_PART = 8


class Expansion:
    """The expansion of environment variables in texts; it collects problems and secrets."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._shown_as: dict[str, str] = {}
        self._problems: list[str] = []

    def expand(self, text: str, *, secret: bool, encode: Callable[[str], str] = str) -> str:
        """Return the text with its variables expanded and passed through ``encode``.

        If it is ``secret``, it is hidden from output even if it contains no variable.
        """
        if secret and not has_reference(text):
            plain = text.replace("$${", "${")
            self.hide(plain)
            for part in _parts_of(unquote(plain)):
                self.hide(part)
        return _REFERENCE.sub(lambda reference: encode(self._value_of(reference)), text)

    def _value_of(self, reference: re.Match[str]) -> str:
        variable = reference[1]
        if reference[0] == "$${":
            return "${"
        if variable is None:
            self._problems.append("contains an unterminated or unnamed `${…}`; use `$${` for a literal `${`")
        elif not (value := self._environ.get(variable)):
            state = "empty" if variable in self._environ else "not set"
            self._problems.append(f"the environment variable {variable} is {state}; export it first")
        elif not value.isprintable():
            self._problems.append(
                f"the environment variable {variable} contains a line break or a control character; remove it there"
            )
        else:
            self._shown_as[value] = f"${{{variable}}}"
            return value
        return ""

    def hide(self, text: str) -> None:
        """Treat a text from the configuration as a secret."""
        self._shown_as.setdefault(text, HIDDEN)

    def take_problems(self) -> list[str]:
        """Return the problems that were found since the last call."""
        taken, self._problems = self._problems, []
        return taken

    def secrets(self) -> Secrets:
        """Return the values of all expanded variables, and all hidden texts."""
        return Secrets(self._shown_as)


def _parts_of(value: str) -> Iterator[str]:
    """Yield the parts of a value that may be secrets by themselves, such as a token after its scheme."""
    yield value
    for part in re.split(r"[\s,;=\"]+", value):
        if len(part) >= _SHORTEST_PART:
            yield part
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            yield b64decode(encoded).decode().partition(":")[2]


def plain_secrets(url: str, headers: Mapping[str, str]) -> list[str]:
    """Return the names of headers and parameters whose plain value seems to be a secret, and the URL's password."""
    password = ["the password in the URL"] if "@" in url.partition("://")[2].partition("/")[0] else []
    query = (parameter.partition("=") for parameter in url.partition("?")[2].split("&"))
    values = [*headers.items(), *((name, value) for name, _, value in query)]
    return [n for n, value in values if value and names_secret(n) and not has_reference(value)] + password


def variables_in(text: str) -> list[str]:
    """Return the names of the environment variables in a text."""
    return [reference[1] for reference in _REFERENCE.finditer(text) if reference[1]]


def has_reference(text: str) -> bool:
    """True if the text contains a ``${`` that is not escaped."""
    return any(reference[0] != "$${" for reference in _REFERENCE.finditer(text))


def expand_query(url: str, expansion: Expansion) -> str:
    """Return the URL with the variables in its query values expanded and percent-encoded (RFC 3986, section 2.1)."""
    before, question, rest = url.partition("?")
    query, hash_sign, fragment = rest.partition("#")
    return (
        f"{before}{question}{'&'.join(_expand_parameter(p, expansion) for p in query.split('&'))}{hash_sign}{fragment}"
    )


def identity(url: str, expanded: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return what distinguishes this API from others: the URL and the headers as they are sent, without credentials."""
    before, _, query = url.partition("?")
    parameters = zip(query.split("&"), expanded.partition("?")[2].split("&"), strict=True)
    chosen = [old if names_secret(old.partition("=")[0]) else new for old, new in parameters]
    plain = [f"{name.lower()}: {value}" for name, value in headers.items() if not names_secret(name)]
    return (before, *chosen, *sorted(plain))


def _expand_parameter(parameter: str, expansion: Expansion) -> str:
    name, equals, value = parameter.partition("=")
    return f"{name}{equals}{expansion.expand(value, secret=names_secret(name), encode=partial(quote, safe=''))}"
