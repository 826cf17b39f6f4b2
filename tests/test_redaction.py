"""Redaction: secrets are removed in every spelling, and nothing else is changed."""

import html
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.redaction import NO_SECRETS, Secrets

SECRET = 's3cr3t/&"tökén'

# Beside both kinds of quotes, Python's repr escapes apostrophes.
BOTH_QUOTES, ESCAPED_QUOTES = "'\"", "\\'\""

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "in a query, as a browser has it": lambda text: quote(text, safe="/=:"),
    "in lower case": lambda text: re.sub("%..", lambda match: match[0].lower(), quote(text, safe="")),
    "as a form": quote_plus,
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "in JSON": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "in JSON, as Python has it": lambda text: json.dumps(text)[1:-1],
    "in JSON, as PHP has it": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "in JSON, as .NET has it": lambda text: "".join(f"\\u{ord(c):04X}" if c in "+&'<>/" else c for c in text),
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "in a repr": lambda text: repr(text)[1:-1],
    "in a repr, beside both quotes": lambda text: repr(BOTH_QUOTES + text).partition(ESCAPED_QUOTES)[2][:-1],
    "in a repr of bytes": lambda text: repr(BOTH_QUOTES.encode() + text.encode()).partition(ESCAPED_QUOTES)[2][:-1],
    "in a repr in a repr": lambda text: repr(repr(f"<{text}>")).partition("<")[2].rpartition(">")[0],
    "in a repr of bytes in a repr": lambda text: repr(repr(f"<{text}>".encode())).partition("<")[2].rpartition(">")[0],
    "in ASCII": lambda text: ascii(BOTH_QUOTES + text).partition(ESCAPED_QUOTES)[2][:-1],
    "in the JSON of a repr": lambda text: json.dumps(repr(f"<{text}>")).partition("<")[2].rpartition(">")[0],
    "in a form": lambda text: urlencode({"k": text}).removeprefix("k="),
    "in HTML": html.escape,
    "in HTML, by numbers": lambda text: "".join(f"&#{ord(c)};" for c in text),
}
PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=4, max_size=40)


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(secret=PRINTABLE)
def test_no_spelling_of_a_secret_is_left(spelling: str, secret: str) -> None:
    """A secret is redacted in every spelling in which an API may repeat it."""
    spelled = SPELLINGS[spelling](secret)
    assert Secrets({secret: "***"}).redact(f"<{spelled}>") == "<***>"


@given(st.text(), st.lists(PRINTABLE))
def test_what_is_no_secret_is_left_alone(text: str, secrets: list[str]) -> None:
    """A text without a secret is not changed."""
    hidden = Secrets(dict.fromkeys(secrets, "***"))
    if not any(secret in text for secret in secrets) and not set(text) & set("%&\\+"):
        assert hidden.redact(text) == text
    assert NO_SECRETS.redact(text) == text


@pytest.mark.parametrize("spell", [str, quote_plus, json.dumps])
def test_what_was_sealed_has_the_secrets_of_today(spell: Callable[[str], str]) -> None:
    """A sealed URL contains no secrets; unsealing inserts the current ones."""
    before = Secrets({"t0ken-one": "${TOKEN}", SECRET: "${KEY}"})
    sealed = before.seal(f"http://shop.test/p?key={spell(SECRET)}&cursor=t0ken-one")
    assert SECRET not in sealed
    assert "t0ken-one" not in sealed
    assert parse_qs(before.unseal(sealed).partition("?")[2].replace('"', ""))["key"] == [SECRET]
    assert Secrets({"n3w/key": "${KEY}", "t0ken-two": "${TOKEN}"}).unseal(sealed).endswith("&cursor=t0ken-two")
    assert before.unseal(before.seal(f"cursor:{SECRET}")) == f"cursor:{SECRET}"


def test_no_secret_takes_the_place_of_another() -> None:
    """A text sealed with a secret that no longer exists stays sealed, even if other secrets exist."""
    sealed = Secrets({"a-key-of-old": "***"}).seal("cursor:a-key-of-old")
    assert Secrets({"another-key": "***"}).unseal(sealed) == "cursor:another-key"
    for now in ({"one-more": "***", "another-key": "***"}, {"another-key": "${KEY}"}, {}):
        assert Secrets(now).unseal(sealed) == sealed


def test_secrets_can_be_learned_on_the_way() -> None:
    """Secrets learned during a run are redacted in every spelling, together with the earlier ones."""
    secrets = Secrets({"client-secret": "${SECRET}"})
    for token in ("tok/VERY+one=", "tok/VERY+two="):
        secrets.learn(token, "(access token)")
    secrets.learn("abc", "(access token)")
    assert secrets.redact("tok%2FVERY%2Bone= tok/VERY+two= client-secret abc") == (
        "(access token) (access token) ${SECRET} abc"
    )


@pytest.mark.parametrize(("secret", "shown"), [("don't-t3ll", r"don\'t-t3ll"), ("caf\u00e9-k3y", r"caf\xc3\xa9-k3y")])
def test_apostrophes_and_accents_are_found_in_a_repr(secret: str, shown: str) -> None:
    """A secret with an apostrophe or an accent is found in the repr of what a library quotes."""
    text = repr({"both": "'\"" + secret, "bytes": secret.encode()})
    assert shown in text
    redacted = Secrets({secret: "${KEY}"}).redact(text)
    assert (redacted.count("${KEY}"), shown in redacted, secret in redacted) == (2, False, False)


def test_json_stays_json() -> None:
    """Redacted JSON stays valid: secrets are replaced in strings, but not in numbers."""
    secrets = Secrets({"20231234": "${NUMBER}", "say": "${SHORT}", 'a"b/c': "${ODD}"})
    redacted = secrets.redact_json(b'{"shop":20231234,"key":"20231234","odd":["a\\"b\\/c", "x"],"say":1}')
    assert json.loads(redacted) == {"shop": 20231234, "key": "${NUMBER}", "odd": ["${ODD}", "x"], "say": 1}
