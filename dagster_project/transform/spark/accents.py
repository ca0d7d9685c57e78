"""Letters with accents, and the same without: Spark has no function that knows them (DuckDB: strip_accents)."""

from __future__ import annotations

import sys
import unicodedata
from functools import cache


@cache
def accented_and_plain() -> tuple[str, str]:
    """Every letter that is another one with marks on it, and in the same places that other one."""
    accented, plain = [], []
    for letter in map(chr, range(0x80, sys.maxunicode + 1)):
        bare = "".join(part for part in unicodedata.normalize("NFD", letter) if unicodedata.category(part)[0] != "M")
        if len(bare) == 1 and bare != letter:
            accented.append(letter)
            plain.append(bare)
    return "".join(accented), "".join(plain)


def normalized(text: str) -> str:
    """Spark's SQL: a name as names are compared (the macro `normalized` says the same)."""
    accented, plain = accented_and_plain()
    spaced = rf"regexp_replace(trim(regexp_replace({text}, r'[\s\p{{Z}}]+', ' ')), r'\p{{M}}+', '')"
    return f"lower(translate({spaced}, '{accented}', '{plain}'))"
