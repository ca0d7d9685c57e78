"""What the headings and cells of a file mean: canonical column → text or None (contract.md, Landing)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from .configuration import Feed, folded
from .errors import RefusedError

Row = dict[str, str | None]
#: A time of which nobody says where.
NAIVE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?")


def is_in_utc(heading: str, feed: Feed) -> bool:
    """Whether a heading's times without offset are UTC, as an API's are."""
    return any(fnmatchcase(heading, pattern) for pattern in feed.utc_headings)


def with_offset(cell: str) -> str:
    """A time of an API as UTC; what says its offset, and what is no time, as it stands."""
    text = cell.strip()
    return f"{text}Z" if NAIVE_TIME.fullmatch(text) else cell


def is_of_feed(line: list[str], asked: dict[int, list[str]], feed: Feed) -> bool:
    """Whether a row is a record of the feed; one that is too short to say is looked at, and rejected."""
    cells = {place: line[place].strip() for place in asked if place < len(line)}
    return all(_says(None if cell in feed.null_values else cell, asked[place]) for place, cell in cells.items())


def stage_date_places(
    headings: list[str], patterns: list[str], others: Iterable[str] = ()
) -> dict[tuple[str, str | None], int]:
    """(stage, its pipeline if named) → its place; of several headings for one, that of the first pattern; not `others`.

    A stage's name may hold parentheses itself: the last ones in the heading are the pattern's own.
    """
    places: dict[tuple[str, str | None], int] = {}
    known: set[tuple[str, str]] = set()
    excepted = {folded(heading) for heading in others}
    taken = {place for place, heading in enumerate(headings) if folded(heading) in excepted}
    for pattern in patterns:
        wanted = re.compile(
            re.escape(" ".join(pattern.split()))
            .replace(r"\{stage\}", "(?P<stage>.+)")
            .replace(r"\{pipeline\}", "(?P<pipeline>.+)"),
            re.IGNORECASE,
        )
        for place, heading in enumerate(headings):
            found = wanted.fullmatch(" ".join(heading.replace("\ufeff", "").split()))
            if found is None or place in taken:
                continue
            taken.add(place)
            stage, pipeline = found["stage"], found.groupdict().get("pipeline")
            same = (folded(stage), folded(pipeline or ""))
            if same not in known:
                known.add(same)
                places[stage, pipeline] = place
    return dict(sorted(places.items(), key=lambda item: item[1]))


def places_of(headings: list[str], lines: list[list[str]], feed: Feed) -> dict[str, list[int]]:
    """Canonical column → its places: the first synonym present; an identical heading twice must agree."""
    places: dict[str, list[int]] = {}
    for column, synonyms in feed.columns.items():
        names = ([heading_named(name, headings) for name in synonym] for synonym in synonyms)
        for present in next((one for one in names if all(name is not None for name in one)), []):
            first, *others = [place for place, heading in enumerate(headings) if heading == present]
            if any(line[first] != line[other] for line in lines for other in others):
                raise RefusedError(f"the heading {present} stands there twice with different contents")
            places.setdefault(column, []).append(first)
    return places


def heading_named(name: str, headings: list[str]) -> str | None:
    """The heading of this name, else the first that its pattern fits."""
    wanted = folded(name)
    if wanted in headings or "*" not in wanted:
        return wanted if wanted in headings else None
    pattern = re.compile(".+".join(re.escape(part) for part in wanted.split("*")))
    return next((heading for heading in headings if pattern.fullmatch(heading)), None)


def row_of(line: list[str], places: dict[str, list[int]], feed: Feed, in_utc: set[int]) -> Row:
    """A row by the names of its columns; `in_utc`: the places whose times are UTC, unless they say otherwise."""
    row: Row = {column: _value([line[place] for place in cells], column, feed) for column, cells in places.items()}
    for column, cells in places.items():
        value = row[column]
        if value and in_utc.issuperset(cells):
            row[column] = with_offset(value)
    row = {**feed.constants, **row}
    for column, meaning in feed.empty_means.items():
        if column in row:
            row[column] = row[column] or meaning
    for column, references in feed.references.items():
        if any(reference["column"] in row for reference in references):
            row.setdefault(column, None)
        given = [pointed for pointed in (_pointed_at(row, reference) for reference in references) if pointed]
        if given:
            row[column] = given[0]
    return row


def _pointed_at(row: Row, reference: dict[str, Any]) -> str | None:
    """What a reference gives, where the other column is filled, begins so, and the asked ones agree."""
    pointed = row.get(reference["column"])
    if not pointed or not pointed.startswith(reference.get("prefix", "")):
        return None
    if not all(_says(row.get(column), words) for column, words in reference.get("when", {}).items()):
        return None
    return str(reference.get("means", pointed))


def _says(cell: str | None, words: str | list[str]) -> bool:
    """`*` is any cell that is filled, an empty word an empty cell."""
    listed = [words] if isinstance(words, str) else words
    return bool(cell) if listed == ["*"] else (cell or "").casefold() in [word.casefold() for word in listed]


def _value(texts: list[str], column: str, feed: Feed) -> str | None:
    """A cell; of a value spread over several, what they hold, joined by a space."""
    if len(texts) == 1:
        return cell_of(texts[0], column, feed)
    return " ".join(cell for cell in (cell_of(text, column, feed) for text in texts) if cell) or None


def _typed_as_text(text: str) -> str:
    """`="00123"` and `'00123` are how spreadsheets keep a number a text."""
    found = re.fullmatch(r'="(.*)"|\'([\d.+-]+)', text)
    return (found[1] if found[1] is not None else found[2]).strip() if found else text


def cell_of(text: str, column: str, feed: Feed) -> str | None:
    """Trimmed; empty and the feed's null values are None; translated where the mapping says so."""
    text = _typed_as_text(text.strip())
    if not text or text in feed.null_values:
        return None
    if column in feed.days:
        text = text.removesuffix(" 00:00:00").removesuffix("T00:00:00")
    for canonical, words in feed.values.get(column, {}).items():
        if folded(text) in {folded(word) for word in words}:
            return canonical
    return text
