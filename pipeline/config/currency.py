"""Currencies: the ISO 4217 codes, and the signs that identify them."""

from collections.abc import Mapping

# ISO 4217, list one (active codes), without funds codes, metals, the test code and "no currency".
CODES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR
    RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD
    TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)

# ISO 4217: currencies whose smallest unit is not a hundredth.
_NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
_THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())


# Currencies whose prices have no decimals in practice, although ISO 4217 has two.
_USUALLY_WHOLE = frozenset({"COP", "HUF", "IDR"})


def minor_digits(currency: str | None) -> int | None:
    """Return the number of decimals of a currency, None if ``currency`` is None."""
    if currency is None:
        return None
    return 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


def has_no_decimals(currency: str | None, *, in_practice: bool = False) -> bool:
    """Return True if prices in a currency are whole numbers: by ISO 4217, or else ``in_practice``."""
    return currency in _NO_DECIMALS or (in_practice and currency in _USUALLY_WHOLE)


# Signs of one currency only.
SIGNS = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "₽": "RUB",
    "₩": "KRW",
    "₺": "TRY",
    "₴": "UAH",
    "₪": "ILS",
    "₫": "VND",
    "₦": "NGN",
    "₱": "PHP",
    "₸": "KZT",
    "₾": "GEL",
    "₼": "AZN",
    "฿": "THB",
    "zł": "PLN",
    "Kč": "CZK",
    "US$": "USD",
    "A$": "AUD",
    "AU$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "NT$": "TWD",
    "S$": "SGD",
    "R$": "BRL",
    "MX$": "MXN",
    "CN¥": "CNY",
    "JP¥": "JPY",
    "円": "JPY",
    "원": "KRW",
    "₡": "CRC",
    "₲": "PYG",
    "S/": "PEN",
}

# Words of one currency only, in lower case and without a point at the end.
_WORDS = {
    "euro": "EUR",
    "euros": "EUR",
    "руб": "RUB",
    "р": "RUB",
    "грн": "UAH",
    "zł": "PLN",
    "zl": "PLN",
    "kč": "CZK",
    "ft": "HUF",
    "tl": "TRY",
    "rp": "IDR",
    "rm": "MYR",
}
# Codes that are words too: "all 12.50", "12.50 top".
_ENGLISH_WORDS = frozenset("all ang bam cup gel lak mop pen sos top try".split())

_CROWNS = frozenset({"SEK", "NOK", "DKK", "ISK"})

# Signs of several currencies: the default if nothing else identifies the currency (None if none is predominant), and
# all currencies that use the sign. Each use of a default is counted.
SHARED_SIGNS: Mapping[str, tuple[str | None, frozenset[str]]] = {
    "$": (
        "USD",
        frozenset(
            """
            USD ARS AUD BBD BMD BND BSD BZD CAD CLP COP CVE DOP FJD GYD HKD JMD KYD LRD MXN NAD NIO NZD SBD SGD
            SRD TTD TWD UYU XCD
            """.split()
        ),
    ),
    "¥": ("JPY", frozenset({"JPY", "CNY"})),
    "kr": (None, _CROWNS),
    "kr.": (None, _CROWNS),
    "元": ("CNY", frozenset({"CNY", "TWD"})),
    "lei": ("RON", frozenset({"RON", "MDL"})),
    "leu": ("RON", frozenset({"RON", "MDL"})),
    "rs": (None, frozenset({"INR", "LKR", "MUR", "NPR", "PKR", "SCR"})),
    "лв": (None, frozenset()),  # of Bulgaria until 2025
}


def currency_of_sign(text: str, *, after: bool = False) -> str | None:
    """Return the currency of a sign, a word or a code that stands for one currency; None if it is none of these.

    Words may have any case and a point at the end. A code in lower case counts only ``after`` an amount, since it may
    be another word.
    """
    if found := SIGNS.get(text) or (text if text in CODES else None):
        return found
    word = text.casefold().removesuffix(".")
    if found := _WORDS.get(word):
        return found
    is_code = after and word not in _ENGLISH_WORDS and word.upper() in CODES
    return word.upper() if is_code else None


def shared_sign(text: str) -> tuple[str | None, frozenset[str]] | None:
    """Return the default and the currencies of a sign that several share, in any case; None for another text."""
    return SHARED_SIGNS.get(text) or SHARED_SIGNS.get(text.casefold().removesuffix("."))


def code_of(text: object) -> str | None:
    """Return the ISO 4217 code that ``text`` is, in any case, or the one it is the sign of; None if neither."""
    if not isinstance(text, str):
        return None
    named = text.strip()
    code = named.upper()
    return code if code in CODES else SIGNS.get(named)
