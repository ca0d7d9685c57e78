"""File name patterns of feeds, and how names are compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase

FORMATS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx")
COMPRESSED = (".gz", ".zst", ".zip")


def one_form(name: str) -> str:
    """A name with its accents composed: macOS hands them over in two characters, everybody else in one."""
    return unicodedata.normalize("NFC", name)


def takes(patterns: Sequence[str], path: str) -> bool:
    """Whether one of these patterns names a file, given by its path below its source's folder.

    A pattern without `/` is that of a name, in whatever folder. One with `/` begins in the source's folder; there
    `*` stays within a folder's name, and `**` is any number of folders, none included. Case does not matter, nor
    `.gz` or `.zst`; a pattern that ends in `.csv` takes the same name in any other format.
    """
    *folders, name = _comparable(path).split("/")
    return any(_matches(_comparable(pattern), folders, name) for pattern in patterns)


def _comparable(name: str) -> str:
    return one_form(one_form(name).lower())


def _matches(pattern: str, folders: list[str], name: str) -> bool:
    if "/" not in pattern:
        return any(fnmatchcase(written, pattern) for written in _spellings(name))
    parts = pattern.removeprefix("./").lstrip("/").split("/")
    if parts[-1] in ("", "**"):  # everything in a folder, or below it
        parts = [*parts[:-1], *(["**"] if parts[-1] else []), "*"]
    return any(_matches_path(parts, [*folders, written]) for written in _spellings(name))


def _matches_path(pattern: Sequence[str], path: Sequence[str]) -> bool:
    if not pattern or not path:
        return not pattern and not path
    if pattern[0] == "**":
        return any(_matches_path(pattern[1:], path[skipped:]) for skipped in range(len(path)))
    return fnmatchcase(path[0], pattern[0]) and _matches_path(pattern[1:], path[1:])


def _spellings(name: str) -> set[str]:
    """A file's name, and without what compressed it, and as if it were a .csv."""
    plain = name
    for ending in COMPRESSED:
        plain = plain.removesuffix(ending)
    names = {name, plain}
    stem, dot, ending = plain.rpartition(".")
    if dot + ending in FORMATS:
        names.add(f"{stem}.csv")
    return names
