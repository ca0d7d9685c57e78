"""Delimited text (CSV, TSV and their kin), in UTF-8.

A file that a count of its bytes finds plainly well-formed is read by DuckDB in place. Any other is read record by
record first, and DuckDB gets its sound records. Either way DuckDB has to find as many as were counted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project.config.entities import WORDS
from dagster_project.config.feeds import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.read.delimited_rows import MARK, Shape, lines_of, sound_record, write_sound
from dagster_project.read.headings import SEARCHED_ROWS, fits, heading_key, known_headings
from dagster_project.read.survey import OTHER_QUOTES, survey
from dagster_project.read.tables import Reject
from dagster_project.sql import text

DELIMITERS = ",;\t|"
_HEAD_BYTES = 1 << 20
#: Excel's first line for a file that another country's Excel will open.
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)


class DisagreeingReadersError(Exception):
    """DuckDB does not find the rows that a count of the bytes found: the file is read record by record."""


@dataclass(frozen=True)
class Header:
    """The headings of a file as written, their delimiter, and how many lines stand above and in them."""

    delimiter: str
    headings: list[str]
    lines_above: int = 0
    lines: int = 1

    @property
    def rows_begin(self) -> int:
        """How many physical lines stand before the first row."""
        return self.lines_above + self.lines


@dataclass
class DelimitedTable:
    """A delimited file that DuckDB reads: in place, or what was written of it."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    header: Header
    #: How many rows DuckDB has to find.
    rows: int
    notes: list[str] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)
    #: Words for nothing that may stand in it as whole cells.
    nothing: frozenset[str] = frozenset()
    #: Whether it is read in place: then a row that DuckDB rejects is one that the count did not find odd.
    is_in_place: bool = False
    #: Whether a cell may begin or end with a space.
    has_edge_spaces: bool = True
    is_empty: bool = False
    has_unreadable: bool = False

    @property
    def headings(self) -> list[str]:
        """As the file writes them, in order."""
        return self.header.headings

    def relation(self, positions: Collection[int]) -> str:
        """DuckDB leaves out by itself what is not selected. Forgets the rejects of an earlier reading."""
        forget_rejects(self.connection)
        return scan(self.path, self.header)

    def rejects(self) -> list[Reject]:
        """Those of the rows that were not written for DuckDB."""
        return list(self.rejected)

    def demand(self, found: int) -> None:
        """Raises an error unless DuckDB, asked for every row, found as many as were counted."""
        if found == self.rows:
            return
        if self.is_in_place:
            raise DisagreeingReadersError
        raise RefusedFileError(
            f"is read in two ways: {self.rows} rows by their lines and quotes, {found} by DuckDB. "
            "Export it again, with every text in quotes"
        )


def open_delimited(
    connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, needs_stage: bool, scratch: Path
) -> DelimitedTable:
    """Finds the delimiter, the headings and the rows; `scratch` is where a file that is odd is written anew.

    Raises RefusedFileError for one whose header or quotes cannot be made out.
    """
    header = header_of(path, feed, needs_stage)
    if header.rows_begin == 1:
        counted = survey(path, header.delimiter, len(header.headings))
        if counted.is_regular:
            return DelimitedTable(
                connection,
                path,
                header,
                counted.records - 1,
                nothing=counted.nothing,
                is_in_place=True,
                has_edge_spaces=counted.has_edge_spaces,
            )
    return read_by_records(connection, path, feed, header, scratch)


def header_of(path: Path, feed: Feed, needs_stage: bool) -> Header:
    """The header of a file. Raises RefusedFileError where it cannot be made out."""
    with path.open("rb") as file:
        return read_header(file.read(_HEAD_BYTES), feed, needs_stage)


def read_by_records(
    connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, header: Header, scratch: Path
) -> DelimitedTable:
    """The table that a file gives when it is read record by record."""
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES).decode("utf-8", errors="replace")
    shape = Shape(
        header.delimiter,
        header.headings,
        header.rows_begin,
        known_headings(feed).literal,
        _typed(header.headings, feed),
    )
    written = write_sound(path, shape, scratch, quotes=_has_quoted_cells(start, header.delimiter))
    above = header.lines_above
    notes = [f"{above} line{'s' if above > 1 else ''} above the headings passed over"] if above else []
    return DelimitedTable(
        connection,
        scratch,
        Header(",", header.headings),
        written.records,
        notes + written.notes,
        written.rejects,
        frozenset(written.nothing),
    )


def _typed(headings: list[str], feed: Feed) -> frozenset[int]:
    """Positions of dates and numbers, whose cells have digits."""
    columns = feed.kinds
    keys = [heading_key(heading) for heading in headings]
    return frozenset(
        at
        for column in feed.mapped
        if column in columns and columns[column] not in WORDS
        for at, key in enumerate(keys)
        if key in known_headings(feed, column)
    )


def _has_quoted_cells(start: str, delimiter: str) -> bool:
    mark = re.escape(delimiter)
    return re.search(rf'(?:^|[{mark}\r\n]) *"(?>(?:[^"]|"")*)" *(?=[{mark}\r\n]|$)', start) is not None


def read_header(start: bytes, feed: Feed, needs_stage: bool = False) -> Header:
    """The header in the first bytes of a file: the first record that has the required headings, else the first one.

    Of several delimiters it is the one that gives most known headings.
    """
    lines = lines_of(start.decode("utf-8", errors="replace").replace(MARK, ""))
    separator = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    begins = 1 if separator else 0
    delimiters = separator[1] if separator else feed.delimiter or DELIMITERS
    filled = [at for at in range(begins, len(lines)) if lines[at].strip(f" {DELIMITERS}\r\n")][:SEARCHED_ROWS]
    for at in filled:
        found = [header for delimiter in delimiters if (header := _header_at(lines, at, delimiter)) is not None]
        fitting = [header for header in found if fits(header.headings, feed, needs_stage)]
        if fitting:
            return _sound(_best(fitting, feed), lines)
    if not filled:
        raise RefusedFileError("has no header that can be read: it has no headings")
    found = [header for delimiter in delimiters if (header := _header_at(lines, filled[0], delimiter)) is not None]
    if not found:
        raise RefusedFileError("has no header that can be read: its first line has a quote that is never closed")
    return _best(found, feed)


def _header_at(lines: list[str], at: int, delimiter: str) -> Header | None:
    """The record that begins in this line; None if it cannot be read."""
    records = csv.reader(lines[at:], delimiter=delimiter, skipinitialspace=True, strict=False)
    try:
        headings = next(records)
    except (csv.Error, StopIteration):
        return None
    bare = [_bare(heading) for heading in headings]
    return Header(delimiter, bare, at, records.line_num)


def _bare(heading: str) -> str:
    """A heading without other quotes around it."""
    stripped = heading.strip()
    return (
        stripped[1:-1] if len(stripped) > 2 and stripped[0] in OTHER_QUOTES and not stripped[-1].isalnum() else heading
    )


def _best(found: list[Header], feed: Feed) -> Header:
    known = known_headings(feed)
    return max(
        found, key=lambda header: (sum(heading_key(one) in known for one in header.headings), len(header.headings))
    )


def _sound(header: Header, lines: list[str]) -> Header:
    """Raises RefusedFileError where a quote in the header swallows what stands behind it."""
    written = "".join(lines[header.lines_above : header.rows_begin]).rstrip("\r\n")
    swallows = any("\n" in one and header.delimiter in one for one in header.headings)
    if swallows or not sound_record(header.delimiter).fullmatch(written):
        raise RefusedFileError(
            "has headings with a stray quote: one of them does not begin and end where its quotes do, so columns "
            "cannot be told apart. Remove the quote from the headings, or export the file again"
        )
    return header


def scan(path: Path, header: Header) -> str:
    """The table function that reads a file with this header, every cell as text."""
    columns = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(len(header.headings)))
    return (
        f"read_csv({text(str(path))}, auto_detect = false, header = true, delim = {text(header.delimiter)}, "
        f"quote = '\"', escape = '\"', strict_mode = true, columns = {{{columns}}}, store_rejects = true)"
    )


def forget_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    """Drops what DuckDB remembers of the rows it rejected so far."""
    connection.execute("drop table if exists reject_scans; drop table if exists reject_errors")


def rejected_rows(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, str, str, str]]:
    """Line, kind, message and text: DuckDB lists one per error, and counts records, header and blank lines too."""
    rows = connection.execute(
        """
        select
            line,
            min(error_type) as error_type,
            min(error_message) as error_message,
            min(csv_line) as csv_line
        from reject_errors
        group by line
        order by line
        """
    ).fetchall()
    return [(int(line), kind, message, line_text) for line, kind, message, line_text in rows]
