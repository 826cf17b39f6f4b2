"""Expansion of references: ``${NAME}`` is an environment variable, ``${file:PATH}`` a file, ``$${`` a literal ``${``.

Only the values of headers and query parameters, and those of ``auth``, are expanded. The values of variables and files
are secrets from then on.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote

from pipeline.redaction import HIDDEN, Secrets, names_secret

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{file:([^{}]*)\}|\$\{")
_SHORTEST_PART = 8

# In bytes; a larger file is not that of a secret.
_LARGEST_FILE = 65_536


class SecretFiles:
    """Files that contain one secret each, such as those that a cluster mounts; each is read once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str | None]] = {}

    def read(self, path: str) -> tuple[str, str | None]:
        """Return the text in the file without the line end after it, and what is wrong with it, if anything is."""
        if path not in self._known:
            self._known[path] = _read_secret(path)
        return self._known[path]


class Expansion:
    """The expansion of references in texts; it collects problems and secrets."""

    def __init__(self, environ: Mapping[str, str], files: SecretFiles | None = None) -> None:
        self._environ = environ
        self._files = files or SecretFiles()
        self._shown_as: dict[str, str] = {}
        self._problems: list[str] = []

    def knows(self, variable: str) -> bool:
        """True if the environment variable is set, and not empty."""
        return bool(self._environ.get(variable))

    def expand(self, text: str, *, secret: bool, encode: Callable[[str], str] = str) -> str:
        """Return the text with its references expanded and passed through ``encode``.

        If it is ``secret``, it is hidden from output even if it contains no reference.
        """
        if secret and not has_reference(text):
            plain = text.replace("$${", "${")
            self.hide(plain)
            for part in _parts_of(unquote(plain)):
                self.hide(part)
        return _REFERENCE.sub(lambda reference: encode(self._value_of(reference)), text)

    def _value_of(self, reference: re.Match[str]) -> str:
        variable, path = reference[1], reference[2]
        if reference[0] == "$${":
            return "${"
        if variable is None and path is None:
            self._problems.append("contains an unterminated or unnamed `${…}`; use `$${` for a literal `${`")
            return ""
        value, problem = self._variable(variable) if path is None else self._files.read(path)
        if problem:
            self._problems.append(problem)
            return ""
        self._shown_as[value] = reference[0]
        return value

    def _variable(self, name: str) -> tuple[str, str | None]:
        value = self._environ.get(name, "")
        if not value:
            state = "empty" if name in self._environ else "not set"
            return "", f"the environment variable {name} is {state}; export it first"
        if not value.isprintable():
            return "", f"the environment variable {name} contains a line break or a control character; remove it there"
        return value, None

    def hide(self, text: str) -> None:
        """Treat a text from the configuration as a secret."""
        self._shown_as.setdefault(text, HIDDEN)

    def take_problems(self) -> list[str]:
        """Return the problems that were found since the last call."""
        taken, self._problems = self._problems, []
        return taken

    def secrets(self) -> Secrets:
        """Return the values of all expanded references, and all hidden texts."""
        return Secrets(self._shown_as)


def _read_secret(path: str) -> tuple[str, str | None]:
    if not Path(path).is_absolute() or path.startswith("//"):
        return "", f"the file {path!r} has no absolute path; write `${{file:/run/secrets/NAME}}`"
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        return "", f"the file {path} does not exist; mount the secret there, or correct the path"
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        return "", f"the file {path} cannot be read: {reason}; give this user the right to read it, or correct the path"
    if len(content) > _LARGEST_FILE:
        return "", f"the file {path} is larger than {_LARGEST_FILE:,} bytes; name a file that contains the secret alone"
    try:
        value = content.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        return "", f"the file {path} is not UTF-8 text; write the secret into it as text"
    if not value:
        return "", f"the file {path} is empty; write the secret into it"
    if not value.isprintable():
        return "", f"the file {path} contains a line break or a control character; leave the secret alone in it"
    return value, None


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
    """Return the URL with the references in its query values expanded and percent-encoded (RFC 3986, section 2.1)."""
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
