"""From a file's headings to canonical columns: ranked synonyms, and what is missing, doubled or unknown."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from dagster_project.config.entities import ENTITIES
from dagster_project.config.models import Feed
from dagster_project.errors import RefusedFileError

DELIMITERS = ",;\t|"
_HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class Header:
    """The first record of a file: its delimiter and its headings as written."""

    delimiter: str
    headings: list[str]


@dataclass(frozen=True)
class Matched:
    """Which column of the file (from 0) each canonical column is read from."""

    positions: dict[str, int]
    #: Identical headings whose contents have to agree: pairs of positions.
    doubled: list[tuple[int, int]] = field(default_factory=list)
    #: Headings of a lower rank than the one used.
    outranked: list[str] = field(default_factory=list)
    #: Headings that map to nothing.
    unmapped: list[str] = field(default_factory=list)


def heading_key(heading: str) -> str:
    """A heading without case, byte-order mark and runs of spaces: how headings are compared."""
    return re.sub(r"\s+", " ", heading.replace("\ufeff", "").replace("\u00a0", " ")).strip().casefold()


def read_header(path: Path) -> Header:
    """The header of a delimited text file. Raises RefusedFileError for what is no such file."""
    try:
        with path.open("rb") as file:
            start = file.read(_HEAD_BYTES)
    except OSError as error:
        raise RefusedFileError(f"cannot be read: {error}") from None
    _refuse_what_is_no_csv(start)
    text = start.decode("utf-8-sig", errors="replace")
    first_line = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    try:
        headings = next(row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row)
    except (csv.Error, StopIteration) as error:
        raise RefusedFileError(f"has no header that can be read: {error}") from None
    return Header(delimiter, headings)


def _refuse_what_is_no_csv(start: bytes) -> None:
    """Says what a file is instead: an error page in place of an export is the commonest broken delivery."""
    if not start.strip():
        raise RefusedFileError("is empty: not even a header")
    first_line = start.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0]
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in first_line:
        raise RefusedFileError("is not UTF-8 text (UTF-16, or not a text file); export it as CSV in UTF-8")
    try:
        first_line.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedFileError(
            "is not UTF-8 text (another encoding, or a picture, spreadsheet or archive); export it as CSV in UTF-8"
        ) from None
    if first_line.lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise RefusedFileError("is a web page (HTML or XML), not a CSV: the export met a login or an error page")
    if first_line.startswith((b"[{", b'{"', b"[[")):
        raise RefusedFileError("is JSON, not a CSV: an error message of the API, or an export in another format")


def match(header: Header, feed: Feed, needs_stage: bool = True) -> Matched:
    """Finds each canonical column's best heading. Raises RefusedFileError where a required column has none.

    `needs_stage` is False where a source's change log or versions give the stage of its deals.
    """
    keys = [heading_key(heading) for heading in header.headings]
    first_at: dict[str, int] = {}
    doubled_at: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        if key in first_at:
            doubled_at.setdefault(key, []).append(position)
        else:
            first_at[key] = position
    positions: dict[str, int] = {}
    outranked: list[str] = []
    known: set[str] = set()
    for column, synonyms in feed.columns.items():
        present = [key for key in map(heading_key, synonyms) if key in first_at]
        known.update(present)
        if present:
            positions[column] = first_at[present[0]]
            outranked += [header.headings[first_at[key]] for key in present[1:]]
    _demand_required(header, feed, positions, needs_stage)
    used = {keys[position] for position in positions.values()}
    return Matched(
        positions=positions,
        doubled=[(first_at[key], other) for key in sorted(used & doubled_at.keys()) for other in doubled_at[key]],
        outranked=sorted(set(outranked) - {header.headings[position] for position in positions.values()}),
        unmapped=[heading for position, heading in enumerate(header.headings) if keys[position] not in known],
    )


def _demand_required(header: Header, feed: Feed, positions: dict[str, int], needs_stage: bool) -> None:
    entity = ENTITIES[feed.entity]
    for column in entity.required_columns:
        given = column in positions or column in feed.constants or column in feed.references
        if given or (feed.entity == "deals" and column == "stage" and not needs_stage):
            continue
        wanted = " or ".join(f"'{name}'" for name in feed.columns.get(column, [])) or "none in the mapping"
        found = ", ".join(repr(heading) for heading in header.headings[:12])
        more = f" and {len(header.headings) - 12} more" if len(header.headings) > 12 else ""
        raise RefusedFileError(
            f"has no column for {feed.entity}.{column} (heading {wanted}); its headings are {found[:400]}{more}. "
            "Add the heading to the mapping, or export the column"
        )
