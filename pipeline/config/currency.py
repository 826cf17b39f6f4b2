"""Currencies: the ISO 4217 codes, their decimals, and the signs and words that identify them."""

from collections.abc import Mapping
from functools import lru_cache

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
NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())

# Currencies with decimals in ISO 4217 whose prices are written without: coins of the smaller unit are out of use.
_WHOLE_IN_PRACTICE = frozenset("ALL ARS COP CRC HUF IDR IQD IRR LAK LBP MMK RSD SYP".split())

# In a price text in one of these currencies, a separator before exactly three digits groups thousands.
WRITTEN_WHOLE = NO_DECIMALS | _WHOLE_IN_PRACTICE


def minor_digits(currency: str | None) -> int | None:
    """Return the number of decimals of a currency in ISO 4217, None if ``currency`` is None."""
    if currency is None:
        return None
    return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2


# Signs of one currency only. In price texts they are recognized in any case, except those in _ONE_CASE.
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
    "₡": "CRC",
    "₲": "PYG",
    "₵": "GHS",
    "₭": "LAK",
    "₮": "MNT",
    "৳": "BDT",
    "֏": "AMD",
    "៛": "KHR",
    "؋": "AFN",
    "円": "JPY",
    "원": "KRW",
    "đ": "VND",
    "VNĐ": "VND",
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
    "S/": "PEN",
    "zł": "PLN",
    "Kč": "CZK",
    "Ft": "HUF",
    "Lek": "ALL",
    "lekë": "ALL",
    "TL": "TRY",
    "Rp": "IDR",
    "RM": "MYR",
    "грн": "UAH",
    "din": "RSD",
    "дин": "RSD",
    "ден": "MKD",
}

# In another case these mean something else: feet, rooms, German standards, "without" in Spanish.
_ONE_CASE = frozenset({"Ft", "RM", "din", "S/"})

_CROWNS = frozenset({"SEK", "NOK", "DKK", "ISK"})
_RUBLES = frozenset({"RUB", "BYN"})
_LEI = frozenset({"RON", "MDL"})
_DIRHAMS = frozenset({"AED", "MAD"})
# The lev left ISO 4217 when Bulgaria introduced the euro: its prices have no currency that could be named.
_LEVA: frozenset[str] = frozenset()

# Signs of several currencies: the default if nothing else identifies the currency (None if none is predominant), and
# all currencies that use the sign. Each use of a default is counted. Letters are recognized in any case.
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
    "元": ("CNY", frozenset({"CNY", "HKD", "MOP", "TWD"})),
    "kr": (None, _CROWNS),
    "rs": (None, frozenset({"INR", "LKR", "MUR", "NPR", "PKR", "SCR"})),
    "руб": ("RUB", _RUBLES),
    "р": ("RUB", _RUBLES),
    "lei": ("RON", _LEI),
    "leu": ("RON", _LEI),
    "лв": (None, _LEVA),
    "dh": (None, _DIRHAMS),
    "dhs": (None, _DIRHAMS),
    "درهم": (None, _DIRHAMS),
}

# Signs and words that are recognized in any case, by their lower case.
_IN_ANY_CASE = {
    **{sign.lower(): code for sign, code in SIGNS.items() if sign not in _ONE_CASE},
    **dict.fromkeys(("euro", "euros", "евро", "ευρώ"), "EUR"),
}

# Abbreviations, which may end with a point: Rs.500. After any other sign it is a decimal mark: $.50.
_ABBREVIATIONS = frozenset("din dh dhs kr rp rs s/ грн ден дин лв р руб".split())

# Codes that in lower case are words, names, units or abbreviations in some language: they are recognized in capitals.
_WORDS = frozenset(
    """
    all amd awg bam bif bnd bob btn cad cop cup cve dop gel ils jod kgs lak mad mnt mop mur nad pen shp sos stn svc top
    try ved ves yer
    """.upper().split()
)


def code_of(text: object) -> str | None:
    """Return the ISO 4217 code that ``text`` is, in any case, or the one it is the sign of; None if neither."""
    if not isinstance(text, str):
        return None
    named = text.strip()
    code = named.upper()
    return code if code in CODES else SIGNS.get(named)


@lru_cache(maxsize=1024)
def meaning_of(name: str) -> tuple[str | None, frozenset[str]] | None:
    """Return what a sign, code or word means in a price text, None if it does not mean a currency.

    The result is the usual currency, if any, and all currencies that may be meant.
    """
    lower = name.lower()
    if lower.endswith(".") and lower[:-1] in _ABBREVIATIONS:
        name, lower = name[:-1], lower[:-1]
    if lower in SHARED_SIGNS:
        return SHARED_SIGNS[lower]
    code = SIGNS.get(name) or _IN_ANY_CASE.get(lower)
    if code is None and name.isascii():  # some capitals of other scripts are two letters: ß is SS
        upper = name.upper()
        code = upper if upper in CODES and (name == upper or upper not in _WORDS) else None
    return (code, frozenset({code})) if code else None
