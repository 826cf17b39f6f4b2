"""Puts environment variables into texts: ``${NAME}`` stands for one; ``$${`` is the text ``${``."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import quote, unquote

from pipeline.redaction import _HIDDEN, _TELLING_NAME, Secrets

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_SHORTEST_PART = 8


class Expansion:
    """Puts environment variables into texts; collects what is wrong, and remembers what was put in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._shown_as: dict[str, str] = {}
        self._problems: list[str] = []

    def expand(self, name: str, text: str, encode: Callable[[str], str] = str) -> str:
        """The value of the header or parameter ``name`` as it is sent; what is put in, goes through ``encode``."""
        if _TELLING_NAME.search(name) and not has_reference(text):
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
            self._problems.append("has `${` without a name and `}` behind it; write `$${` for the text itself")
        elif not (value := self._environ.get(variable)):
            state = "empty" if variable in self._environ else "not set"
            self._problems.append(f"the environment variable {variable} is {state}; export it first")
        elif not value.isprintable():
            self._problems.append(
                f"the environment variable {variable} has a line break or a control character in it; set it without"
            )
        else:
            self._shown_as[value] = f"${{{variable}}}"
            return value
        return ""

    def hide(self, text: str) -> None:
        """A secret that stands in the configuration as it is."""
        self._shown_as.setdefault(text, _HIDDEN)

    def take_problems(self) -> list[str]:
        """What is wrong with the texts since this was last asked."""
        taken, self._problems = self._problems, []
        return taken

    def secrets(self) -> Secrets:
        """All that was put in, or is secret by the name it goes by."""
        return Secrets(self._shown_as)


def _parts_of(value: str) -> Iterator[str]:
    """What of a header's or parameter's value may be a secret by itself: all but scheme and names."""
    yield value
    for part in re.split(r"[\s,;=\"]+", value):
        if len(part) >= _SHORTEST_PART:
            yield part
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            yield b64decode(encoded).decode().partition(":")[2]


def plain_secrets(url: str, headers: Mapping[str, str]) -> list[str]:
    """What seems to be secret and stands there as it is: headers and parameters by name, and the URL's password."""
    password = ["the password in the URL"] if "@" in url.partition("://")[2].partition("/")[0] else []
    query = (parameter.partition("=") for parameter in url.partition("?")[2].split("&"))
    values = [*headers.items(), *((name, value) for name, _, value in query)]
    return [n for n, value in values if value and _TELLING_NAME.search(n) and not has_reference(value)] + password


def variables_in(text: str) -> list[str]:
    """The environment variables that stand in it."""
    return [reference[1] for reference in _REFERENCE.finditer(text) if reference[1]]


def has_reference(text: str) -> bool:
    """Whether there is a ``${`` in it that means a variable."""
    return any(reference[0] != "$${" for reference in _REFERENCE.finditer(text))


def expand_query(url: str, expansion: Expansion) -> str:
    """The URL with the environment variables in its query values, percent-encoded (RFC 3986, section 2.1)."""
    before, question, rest = url.partition("?")
    query, hash_sign, fragment = rest.partition("#")
    return (
        f"{before}{question}{'&'.join(_expand_parameter(p, expansion) for p in query.split('&'))}{hash_sign}{fragment}"
    )


def identity(url: str, expanded: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """What tells this API from others: the URL and the headers as they are sent, but for the credentials among them."""
    before, _, query = url.partition("?")
    parameters = zip(query.split("&"), expanded.partition("?")[2].split("&"), strict=True)
    chosen = [old if _TELLING_NAME.search(old.partition("=")[0]) else new for old, new in parameters]
    plain = [f"{name.lower()}: {value}" for name, value in headers.items() if not _TELLING_NAME.search(name)]
    return (before, *chosen, *sorted(plain))


def _expand_parameter(parameter: str, expansion: Expansion) -> str:
    name, equals, value = parameter.partition("=")
    return f"{name}{equals}{expansion.expand(name, value, partial(quote, safe=''))}"
