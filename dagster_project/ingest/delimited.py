"""Delimited text (CSV, TSV and their kin), in UTF-8."""

from __future__ import annotations

import csv
import io
import mmap
import re
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project.config.models import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.ingest.headings import heading_key, known_headings
from dagster_project.ingest.tables import Reject
from dagster_project.sql import text

DELIMITERS = ",;\t|"
_HEAD_BYTES = 1 << 20
#: Excel's first line for a file that another country's Excel will open.
_SEPARATOR_LINE = re.compile(r"\ufeff?sep=(.)\r?\n", re.IGNORECASE)
#: Lines without a heading before the header, as reports begin with.
_EMPTY_LINES = re.compile(rf"(?:[ {DELIMITERS}]*\r?\n)+")


class NotUtf8Error(Exception):
    """Some bytes are no UTF-8: the caller finds out what they are, and reads again."""


@dataclass(frozen=True)
class Header:
    """The first record of a file: its delimiter, its headings as written, and lines to skip before it."""

    delimiter: str
    headings: list[str]
    skipped: int = 0


@dataclass
class DelimitedTable:
    """A delimited file that DuckDB reads in place. `is_verified`: what is no UTF-8 is damage, row by row."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    header: Header
    is_verified: bool
    notes: list[str] = field(default_factory=list)
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
        """One per rejected row. Raises NotUtf8Error if the encoding is still to be found out."""
        rows = rejected_rows(self.connection)
        for line, kind, message, _ in rows:
            if "unterminated quote" in message.lower():
                raise RefusedFileError(
                    f"has a quote that is opened near row {line - self.header.skipped} and never closed, so the rows "
                    "behind it cannot be told apart. Export the file again, or double the quote inside that cell"
                )
            if kind == "INVALID ENCODING" and not self.is_verified:
                raise NotUtf8Error
        blank = _blank_lines(self.path, self.header) if rows else []
        return [
            Reject(
                row_number=line - bisect_left(blank, line) - self.header.skipped,
                column=None,
                reason=f"{kind.lower()}: {message}",
                text=str(line_text).replace("\0", "\\0").strip("\r\n"),
            )
            for line, kind, message, line_text in rows
        ]


def open_delimited(
    connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, is_verified: bool = False
) -> DelimitedTable:
    """Finds the delimiter and the headings. Raises RefusedFileError, or NotUtf8Error for a header that is none."""
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES)
    return DelimitedTable(connection, path, read_header(start, feed, is_verified), is_verified)


def read_header(start: bytes, feed: Feed, is_verified: bool) -> Header:
    """The header in the first bytes of a file; of several delimiters the one that gives most known headings."""
    decoded = start.decode("utf-8-sig", errors="replace")
    separator = _SEPARATOR_LINE.match(decoded)
    skipped = 1 if separator else 0
    decoded = decoded[separator.end() :] if separator else decoded
    empty = _EMPTY_LINES.match(decoded)
    if empty:
        skipped += empty[0].count("\n")
        decoded = decoded[empty.end() :]
    delimiters = separator[1] if separator else feed.delimiter or DELIMITERS
    known = known_headings(feed)
    best, best_score = Header("", []), (-1, -1)
    for delimiter in delimiters:
        try:
            headings = next(row for row in csv.reader(io.StringIO(decoded, newline=""), delimiter=delimiter) if row)
        except (csv.Error, StopIteration) as error:
            raise RefusedFileError(f"has no header that can be read: {error}") from None
        score = (sum(heading_key(heading) in known for heading in headings), len(headings))
        if score > best_score:
            best, best_score = Header(delimiter, headings, skipped), score
    if not is_verified and any("\ufffd" in heading for heading in best.headings):
        raise NotUtf8Error
    return best


def scan(path: Path, header: Header) -> str:
    """The table function that reads a file with this header, every cell as text."""
    columns = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(len(header.headings)))
    skip = f"skip = {header.skipped}, " if header.skipped else ""
    return (
        f"read_csv({text(str(path))}, auto_detect = false, header = true, {skip}delim = {text(header.delimiter)}, "
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


def _blank_lines(path: Path, header: Header) -> list[int]:
    """The numbers of blank lines behind a file's header: no records themselves, but counted by DuckDB."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b"\n\n") < 0 and content.find(b"\n\r\n") < 0:
            return []
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8", errors="replace", newline="") as opened:
        records = csv.reader(opened, delimiter=header.delimiter)
        return [number for number, record in enumerate(records, start=1) if not record and number > header.skipped]
