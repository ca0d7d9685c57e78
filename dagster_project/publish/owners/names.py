"""What an owner's files are called: readable, safe on every file system, and of one owner alone."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

#: The list of records that belong to nobody, and the page that lists the pages.
NOBODY, INDEX = "nobody", "index"
#: In bytes of UTF-8, so that with the rest of the name it stays below the 255 of every file system.
_LONGEST = 100
#: Devices on Windows, with any ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class Named(NamedTuple):
    """An owner as far as the name of the files goes; `key` None: nobody."""

    key: str | None
    source: str
    name: str


def file_names(owners: Iterable[Named]) -> dict[str | None, str]:
    """Owner key → name of the files without its ending. Of those whose names come to the same, each has the source
    added, and what then still comes to the same a digest of the key: the name depends on no order."""
    ways: tuple[Callable[[Named], str], ...] = (
        lambda one: _safe(one.name),
        lambda one: f"{_safe(one.name)}--{_safe(one.source)}",
        lambda one: f"{_safe(one.name)}--{_safe(one.source)}--{_digest(one.key or '')}",
    )
    names: dict[str | None, str] = {}
    left = list(owners)
    if any(one.key is None for one in left):
        names[None] = NOBODY
    left = [one for one in left if one.key is not None]
    for way in ways:
        # a name made safe has no two hyphens in a row, so that one way never gives the name of another
        taken = Counter([_same(way(one)) for one in left] + [NOBODY, INDEX])
        alone = [one for one in left if taken[_same(way(one))] == 1]
        names |= {one.key: way(one) for one in alone}
        left = [one for one in left if one.key not in names]
    return names


def _safe(name: str) -> str:
    """Letters, digits, marks, `_`, `.` and single hyphens for anything else."""
    kept = (c if unicodedata.category(c)[0] in "LNM" or c in "._" else "-" for c in unicodedata.normalize("NFC", name))
    short = re.sub("-+", "-", "".join(kept)).strip("-.")
    short = short.encode()[:_LONGEST].decode(errors="ignore").strip("-.")
    if not short or _DEVICES.fullmatch(short):
        return f"owner-{short}".strip("-")
    return short


def _same(name: str) -> str:
    """What a file system may take for one: some know no capitals, and some no compositions of accents."""
    return unicodedata.normalize("NFKC", name).casefold()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]
