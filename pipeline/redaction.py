"""Credentials: put in from the environment where they are needed, and taken out of whatever is shown.

``${NAME}`` in the value of a header or of a query parameter stands for an environment variable; ``$${`` is the text
``${``. What is put in is taken out again of log lines, errors, journal and summary.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

# Headers and query parameters whose values are not for everybody, though they stand in the configuration as they are.
_TELLING_NAME = re.compile(
    r"auth|token|secret|passw|pwd|cookie|session|signature|credential|api.?key|(^|[-_])key$", re.IGNORECASE
)

# A value that says where the secret is, and is none.
_REFERENCE_ALONE = re.compile(r"(?:[A-Za-z]+ )?\$\{[A-Za-z_][A-Za-z0-9_]*\}")

_HIDDEN = "***"

# What is shorter would be found in every other word.
_SHORTEST_SECRET = 4


class Secrets:
    """Texts that must not be shown, each with what is shown in its place; ``${NAME}`` for an environment variable's.

    They are found however they are spelled: as they are, percent-encoded (RFC 3986), escaped as in JSON (RFC 8259) or
    HTML, each character in its own way.
    """

    def __init__(self, shown_as: Mapping[str, str]) -> None:
        self._shown_as: dict[str, str] = {}
        self._marks: dict[str, str] = {}
        self._put_in({secret: shown for secret, shown in shown_as.items() if len(secret) >= _SHORTEST_SECRET})

    def learn(self, secret: str, shown: str) -> None:
        """Another one that came up during the run, and takes the place of none that was known."""
        if len(secret) >= _SHORTEST_SECRET and secret not in self._shown_as:
            self._put_in({**self._shown_as, secret: shown})

    def _put_in(self, shown_as: dict[str, str]) -> None:
        self._shown_as = shown_as
        self._in_order = sorted(shown_as, key=len, reverse=True)
        groups = (f"({''.join(map(_spellings, secret))})" for secret in self._in_order)
        self._pattern = re.compile("|".join(groups)) if self._in_order else None
        plain = [secret for secret, shown in shown_as.items() if shown == _HIDDEN]
        # Variables have names; for the others a number has to do, which means nothing once there are more or fewer.
        self._marks = {
            secret: f"\0{f'{plain.index(secret)}/{len(plain)}' if shown == _HIDDEN else shown}\0"
            for secret, shown in shown_as.items()
        }

    def __bool__(self) -> bool:
        return bool(self._shown_as)

    @classmethod
    def of_all(cls, several: "Iterable[Secrets]") -> "Secrets":
        """Those of several endpoints together."""
        return cls({secret: shown for one in several for secret, shown in one._shown_as.items()})

    def redact(self, text: str) -> str:
        """The text without the secrets in it."""
        return self._replaced(text, lambda secret: self._shown_as[secret])

    def redact_json(self, data: bytes) -> bytes:
        """The same for JSON that is UTF-8: within its strings alone, so that it stays JSON."""
        if self._pattern is None:
            return data
        return _JSON_STRING.sub(lambda string: self.redact(string[0]), data.decode()).encode()

    def seal(self, text: str) -> str:
        """The text with a mark in the place of each secret, for :meth:`unseal`: also after the secret has changed."""
        return self._replaced(text, self._marks.__getitem__)

    def unseal(self, text: str) -> str:
        """The text that was sealed, with the secrets as they are now; percent-encoded in what is a URL.

        The mark of a secret that is not there any more stays, so that nothing is asked with another one.
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
    """A pattern for all ways to write a character: as it is, in a URL, in JSON (also within JSON), and in HTML."""
    percent = "".join(f"%(?:25)*{_any_case(f'{byte:02X}')}" for byte in character.encode(errors="surrogatepass"))
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    unicode = "".join(rf"\\+u{_any_case(units[i : i + 4])}" for i in range(0, len(units), 4))
    # The longer ones first: what is left of one would be shown.
    ways = [percent, unicode, f"&#(?:0*{ord(character)}|[xX]0*{_any_case(f'{ord(character):x}')});"]
    ways += [f"&{name};" for name, meant in _HTML_NAMES if meant == character]
    if character in '"\\/':
        ways.append(rf"\\+{re.escape(character)}")
    if character == " ":
        ways.append(r"\+")
    ways.append(re.escape(character))
    return f"(?:{'|'.join(ways)})"


_HTML_NAMES = (("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"))


def _any_case(hexadecimal: str) -> str:
    return "".join(f"[{digit.upper()}{digit.lower()}]" if digit.isalpha() else digit for digit in hexadecimal)


NO_SECRETS = Secrets({})


def shown_url(url: str) -> str:
    """A URL for messages: without user, password and query, also where those have characters that they should not."""
    scheme, _, rest = url.partition("//")
    private, at, host = rest.rpartition("@")
    if at and (":" in private or "/" not in private):
        url = f"{scheme}//{_HIDDEN}@{host}"
    before, question, _ = url.partition("?")
    return before + (question and "?…")


def shown_value(name: str, value: str) -> str:
    """The value of the header or parameter ``name`` as the configuration has it: references, but no secrets."""
    return _HIDDEN if _TELLING_NAME.search(name) and not _REFERENCE_ALONE.fullmatch(value) else value


def shown_definition(url: str) -> str:
    """A URL as the configuration has it, but for the user, and what of its query is secret by its name."""
    before, question, query = url.partition("?")
    scheme, slashes, rest = before.partition("//")
    host, slash, path = rest.partition("/")
    private, at, host = host.rpartition("@")
    parameters = (parameter.partition("=") for parameter in query.split("&"))
    shown = "&".join(f"{name}{equals}{value and shown_value(name, value)}" for name, equals, value in parameters)
    return f"{scheme}{slashes}{_HIDDEN if private else ''}{at}{host}{slash}{path}{question}{shown}"
