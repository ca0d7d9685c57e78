"""Words that several messages share: numbers with their nouns, and names that were probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

#: How alike two names are of which one is the other with a slip in it.
_ALIKE = 0.72


def counted(number: int, noun: str) -> str:
    """`1 row`, `1,200 rows`, `2 deliveries`, `3 days`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {re.sub('(?<![aeou])y$', 'ie', noun)}s"


def near_name(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was probably meant: spelled nearly so, or with a word more or less (Closed Lost)."""
    by_key = {_key(one): one for one in names}
    key = _key(name)
    words = set(key.split())
    related = [
        one for one in by_key if one and words and (words <= set(one.split()) or set(one.split()) <= words)
    ] or get_close_matches(key, by_key, n=3, cutoff=_ALIKE)
    if not related:
        return None
    return by_key[max(related, key=lambda one: SequenceMatcher(None, key, one).ratio())]


def _key(name: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", name).casefold().split())
