"""Remove secrets from everything that is shown or written: log lines, errors, journal, summary and report."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

# Shown in place of a secret that has no name.
HIDDEN = "***"

_SECRET_NAME = re.compile(
    r"auth|token|secret|passw|pwd|cookie|session|signature|credential|api.?key|(^|[-_])key$", re.IGNORECASE
)

# A value that only names the variable or the file with the secret.
_REFERENCE_ALONE = re.compile(r"(?:[A-Za-z]+ )?\$\{(?:[A-Za-z_][A-Za-z0-9_]*|file:[^{}]*)\}")

# A shorter text would be found in many ordinary words.
_SHORTEST_SECRET = 4


class Secrets:
    """Texts that must not be shown, each with its replacement, such as ``${NAME}`` for an environment variable.

    A secret is found in any spelling: plain, percent-encoded (RFC 3986), or escaped. Escapes may be those of JSON
    (RFC 8259), of HTML, or of the ``repr`` of a text or of bytes in Python. Each of its characters may be spelled
    differently. Secrets of fewer than four characters are ignored.
    """

    def __init__(self, shown_as: Mapping[str, str]) -> None:
        self._shown_as: dict[str, str] = {}
        self._marks: dict[str, str] = {}
        self._put_in({secret: shown for secret, shown in shown_as.items() if len(secret) >= _SHORTEST_SECRET})

    def learn(self, secret: str, shown: str) -> None:
        """Add a secret that became known during the run; a known secret keeps its replacement."""
        if len(secret) >= _SHORTEST_SECRET and secret not in self._shown_as:
            self._put_in({**self._shown_as, secret: shown})

    def _put_in(self, shown_as: dict[str, str]) -> None:
        self._shown_as = shown_as
        self._in_order = sorted(shown_as, key=len, reverse=True)
        groups = (f"({''.join(map(_spellings, secret))})" for secret in self._in_order)
        self._pattern = re.compile("|".join(groups)) if self._in_order else None
        plain = [secret for secret, shown in shown_as.items() if shown == HIDDEN]
        # Secrets without a variable are numbered. The marks contain their count, and are void if it changes.
        self._marks = {
            secret: f"\0{f'{plain.index(secret)}/{len(plain)}' if shown == HIDDEN else shown}\0"
            for secret, shown in shown_as.items()
        }

    def __bool__(self) -> bool:
        return bool(self._shown_as)

    @classmethod
    def of_all(cls, several: "Iterable[Secrets]") -> "Secrets":
        """Return the union of several endpoints' secrets."""
        return cls({secret: shown for one in several for secret, shown in one._shown_as.items()})

    def redact(self, text: str) -> str:
        """Return the text with each secret replaced."""
        return self._replaced(text, lambda secret: self._shown_as[secret])

    def redact_json(self, data: bytes) -> bytes:
        """Return UTF-8 JSON with each secret in its strings replaced; numbers are kept, so the result is valid JSON."""
        if self._pattern is None:
            return data
        return _JSON_STRING.sub(lambda string: self.redact(string[0]), data.decode()).encode()

    def seal(self, text: str) -> str:
        """Return the text with a mark for each secret; :meth:`unseal` works even after the secrets have changed."""
        return self._replaced(text, self._marks.__getitem__)

    def unseal(self, text: str) -> str:
        """Return the sealed text with the current secrets, percent-encoded if the text is a URL.

        The mark of a secret that no longer exists stays, so that no request is made with a different secret.
        """
        is_url = "://" in text
        for secret, mark in self._marks.items():
            text = text.replace(mark, quote(secret, safe="") if is_url else secret)
        return text

    def _replaced(self, text: str, replacement: Callable[[str], str]) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: replacement(self._in_order[(match.lastindex or 1) - 1]), text)


_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def _spellings(character: str) -> str:
    """Return a pattern for all spellings of a character: plain, in a URL, after a backslash, and in HTML.

    Texts within texts are escaped several times, so there may be any number of backslashes, or of ``25`` after ``%``.
    """
    octets = [_any_case(f"{byte:02x}") for byte in character.encode(errors="surrogatepass")]
    # Longer spellings first: otherwise the rest of one would be shown.
    ways = ["".join(f"%(?:25)*{octet}" for octet in octets), rf"\\+(?:{'|'.join(_escapes(character, octets))})"]
    ways += [f"&#(?:0*{ord(character)}|[xX]0*{_any_case(f'{ord(character):x}')});"]
    ways += [f"&{name};" for name, meant in _HTML_NAMES if meant == character]
    if character == " ":
        ways.append(r"\+")
    ways.append(re.escape(character))
    return f"(?:{'|'.join(ways)})"


def _escapes(character: str, octets: Sequence[str]) -> Iterator[str]:
    """Yield what may follow a backslash: as in JSON, and as in the ``repr`` of a text or of UTF-8 in Python."""
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    yield r"\\+".join(f"u{_any_case(units[i : i + 4])}" for i in range(0, len(units), 4))
    yield f"U{_any_case(f'{ord(character):08x}')}"
    yield r"\\+".join(f"x{octet}" for octet in octets)
    if 0x80 <= ord(character) <= 0xFF:
        yield f"x{_any_case(f'{ord(character):02x}')}"
    if character in "\"'\\/":
        yield re.escape(character)


_HTML_NAMES = (("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"))


def _any_case(hexadecimal: str) -> str:
    return "".join(f"[{digit.upper()}{digit.lower()}]" if digit.isalpha() else digit for digit in hexadecimal)


NO_SECRETS = Secrets({})


def names_secret(name: str) -> bool:
    """True if the value of a header or query parameter of this name is usually a secret."""
    return _SECRET_NAME.search(name) is not None


def shown_url(url: str) -> str:
    """Return a URL for messages, without user, password and query, even if those contain invalid characters."""
    scheme, _, rest = url.partition("//")
    private, at, host = rest.rpartition("@")
    if at and (":" in private or "/" not in private):
        url = f"{scheme}//{HIDDEN}@{host}"
    before, question, _ = url.partition("?")
    return before + (question and "?…")


def shown_value(name: str, value: str) -> str:
    """Return the configured value of the header or parameter ``name``: a secret is hidden, a reference is not."""
    return HIDDEN if names_secret(name) and not _REFERENCE_ALONE.fullmatch(value) else value


def shown_definition(url: str) -> str:
    """Return a configured URL without its user and without the query values whose names indicate a secret."""
    before, question, query = url.partition("?")
    scheme, slashes, rest = before.partition("//")
    host, slash, path = rest.partition("/")
    private, at, host = host.rpartition("@")
    parameters = (parameter.partition("=") for parameter in query.split("&"))
    shown = "&".join(f"{name}{equals}{value and shown_value(name, value)}" for name, equals, value in parameters)
    return f"{scheme}{slashes}{HIDDEN if private else ''}{at}{host}{slash}{path}{question}{shown}"
