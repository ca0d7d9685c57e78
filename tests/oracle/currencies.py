"""Amounts whose cells name their currency (domain.md, Time and money)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from .values import amount

#: ISO 4217, those that ran out since the eighties included.
_CODES = """
    AED AFN ALL AMD ANG AOA ARS ATS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BYR
    BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DEM DJF DKK DOP DZD EEK EGP ERN ESP ETB EUR
    FJD FKP FRF GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK ITL JMD JOD JPY KES
    KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LTL LVL LYD MAD MDL MGA MKD MMK MNT MOP MRO MRU MUR MVR
    MWK MXN MXV MYR MZN NAD NGN NIO NLG NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
    SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STD STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
    USN UYI UYU UYW UZS VED VEF VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL
"""
CODES = frozenset(_CODES.split())
#: Sign → the currencies that are written with it.
SIGNS = {
    "€": "EUR",
    "₹": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "₪": "ILS",
    "₫": "VND",
    "฿": "THB",
    "₦": "NGN",
    "₴": "UAH",
    "₸": "KZT",
    "₱": "PHP",
    "zł": "PLN",
    "kč": "CZK",
    "ft": "HUF",
    "us$": "USD",
    "r$": "BRL",
    "rs": "INR PKR LKR NPR MUR SCR",
    "rs.": "INR PKR LKR NPR MUR SCR",
    "a$": "AUD",
    "c$": "CAD",
    "nz$": "NZD",
    "hk$": "HKD",
    "£": "GBP EGP FKP GIP LBP SDG SHP SSP SYP",
    "¥": "JPY CNY",
    "₩": "KRW KPW",
    "kr": "SEK NOK DKK ISK",
    "kr.": "SEK NOK DKK ISK",
    "$": """USD AUD CAD NZD HKD SGD TWD MXN ARS CLP COP BRL BSD BBD BZD BMD BND KYD XCD FJD GYD JMD LRD NAD SBD SRD TTD
    TVD ZWL UYU DOP NIO TOP MOP CUP CVE""",
}
_CELL = re.compile(r"(?P<before>([^\d.,+\-()]|(?<=[^\W\d])\.(?!\d))*)(?P<number>[+-]?\d[\d.,]*)(?P<after>[^\d,()]*)")


class Money(NamedTuple):
    """An amount, and the currency its cell names, if it does."""

    amount: Decimal
    currency: str | None


#: What an amount is in whose currency is told and cannot be read: nothing that a rate is of, and not the source's.
UNREADABLE = "XXX"


def currency(text: str, of_source: str) -> str | None:
    """What a cell of a currency's own column says; None for a word that is no currency."""
    return _meant(text, None, of_source)


def known(currency: str) -> str | None:
    """A currency as it is published."""
    return None if currency == UNREADABLE else currency


def money(text: str | None, column: str | None, of_source: str) -> Money | None:
    """A cell of an amount beside what the currency's column says, if anything; None: not to be read."""
    if not text:
        return None
    plain = amount(text)
    if plain is not None:
        return Money(plain, None)
    is_negative = (text.startswith("(") and text.endswith(")")) or text.startswith(("-", "+-"))
    found = _CELL.fullmatch(text.strip("()").lstrip("+-").strip())
    marks = [mark for mark in (found["before"].strip(), found["after"].strip()) if mark] if found else []
    if found is None or (is_negative and found["number"].startswith("-")):
        return None
    value = amount(_with_a_point(found["number"]))
    if value is None:
        return None
    value = -value if is_negative else value
    if not marks:
        return Money(value, None)
    told = currency(column, of_source) if column else None
    # beside a column that nobody can read a sign of several is not the source's
    named = _meant(marks[-1], told, "" if column and not told else of_source)
    if len(marks) > 1 and (not named or _meant(marks[0], named, of_source) != named):
        return None
    is_an_id = found["before"].strip().isalpha() and found["before"][-1:] != " " and found["number"].startswith("0")
    return Money(value, named) if named and not is_an_id else None


def _with_a_point(number: str) -> str:
    """Separators of thousands left out, where the number itself says which they are; else as it stands."""
    point, comma = number.rfind("."), number.rfind(",")
    if comma < 0 or point < 0:
        return number
    thousands, decimal = (",", ".") if point > comma else (".", ",")
    groups = number.lstrip("+-").split(decimal)[0].split(thousands)
    if any(len(group) != 3 for group in groups[1:]):
        return number
    return number.replace(thousands, "").replace(decimal, ".")


def _meant(mark: str, column: str | None, of_source: str) -> str | None:
    """The currency that a sign or code means here; None if none, or another than the column's."""
    code = mark.upper()
    possible = {code} if code in CODES and mark.isalpha() else set(SIGNS.get(mark.casefold(), "").split())
    if column:
        return column.upper() if column.upper() in possible else None
    if len(possible) == 1:
        return next(iter(possible))
    return of_source if of_source in possible else None
