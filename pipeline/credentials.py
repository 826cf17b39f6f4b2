"""Credentials: put in from the environment where they are needed, and taken out of whatever is shown.

``${NAME}`` in the value of a header or of a query parameter stands for an environment variable; ``$${`` is the text
``${``. What is put in is taken out again of log lines, errors, journal and summary.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from urllib.parse import quote, quote_plus

import msgspec

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")

# Headers and query parameters whose values are not for everybody, though they stand in the configuration as they are.
_TELLING_NAME = re.compile(
    r"auth|token|secret|passw|pwd|cookie|session|signature|credential|api.?key|(^|[-_])key$", re.IGNORECASE
)

_HIDDEN = "***"

# As it is, within a URL, within a form, within JSON.
_SPELLINGS: Sequence[Callable[[str], str]] = (
    str,
    partial(quote, safe=""),
    quote_plus,
    lambda secret: msgspec.json.encode(secret)[1:-1].decode(),
)

# What is shorter would be found in every other word.
_SHORTEST_SECRET = 4


class Secrets:
    """Texts that must not be shown, each with what is shown in its place; ``${NAME}`` for an environment variable's."""

    def __init__(self, shown_as: Mapping[str, str]) -> None:
        self._shown_as = dict(shown_as)
        self._spellings = {
            spelling: shown
            for secret, shown in shown_as.items()
            if len(secret) >= _SHORTEST_SECRET
            for spelling in (spell(secret) for spell in _SPELLINGS)
        }
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    @classmethod
    def of_all(cls, several: "Iterable[Secrets]") -> "Secrets":
        """Those of several endpoints together."""
        return cls({secret: shown for one in several for secret, shown in one._shown_as.items()})

    def redact(self, text: str) -> str:
        """The text without the secrets in it."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._spellings[match[0]], text)

    def redact_bytes(self, data: bytes) -> bytes:
        """The same for UTF-8; bytes that are none stay what they are."""
        if self._pattern is None:
            return data
        return self.redact(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")

    def seal(self, text: str) -> str:
        """The text with a mark in the place of each secret, for :meth:`unseal`: also after the secret has changed."""
        for number, secret in enumerate(self._shown_as):
            for spelling, spell in enumerate(_SPELLINGS):
                text = text.replace(spell(secret), f"\0{number}.{spelling}\0")
        return text

    def unseal(self, text: str) -> str:
        """The text that was sealed, with the secrets as they are now."""
        for number, secret in enumerate(self._shown_as):
            for spelling, spell in enumerate(_SPELLINGS):
                text = text.replace(f"\0{number}.{spelling}\0", spell(secret))
        return text


NO_SECRETS = Secrets({})


class Expansion:
    """Puts environment variables into texts; collects what is wrong, and remembers what was put in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._shown_as: dict[str, str] = {}
        self._problems: list[str] = []

    def expand(self, name: str, text: str, encode: Callable[[str], str] = str) -> str:
        """The value of the header or parameter ``name`` as it is sent; what is put in, goes through ``encode``."""
        if _TELLING_NAME.search(name) and not _REFERENCE.search(text):
            self.hide(text)
            self.hide(text.rpartition(" ")[2])  # without the scheme: Bearer, Basic
        return _REFERENCE.sub(lambda reference: encode(self._value_of(reference)), text)

    def _value_of(self, reference: re.Match[str]) -> str:
        variable = reference[1]
        if reference[0] == "$${":
            return "${"
        if variable is None:
            self._problems.append("has `${` without a name and `}` behind it; write `$${` for the text itself")
        elif not (value := self._environ.get(variable)):
            state = "empty" if variable in self._environ else "not set"
            self._problems.append(f"the environment variable {variable} is {state}")
        elif not value.isprintable():
            self._problems.append(f"the environment variable {variable} has a line break or a control character in it")
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


def _expand_parameter(parameter: str, expansion: Expansion) -> str:
    name, equals, value = parameter.partition("=")
    return f"{name}{equals}{expansion.expand(name, value, partial(quote, safe=''))}"


def shown_url(url: str) -> str:
    """A URL for messages: without user, password and query."""
    before, question, _ = url.partition("?")
    return re.sub(r"//[^/]*@", f"//{_HIDDEN}@", before) + (question and "?…")
