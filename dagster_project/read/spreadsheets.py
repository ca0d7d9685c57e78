"""Workbooks (.xlsx): one sheet, written out as delimited text that is then read like any other."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

from dagster_project.config.feeds import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.read.delimited import Header, forget_rejects, rejected_rows, scan
from dagster_project.read.delimited_rows import blank_note
from dagster_project.read.headings import SEARCHED_ROWS, fits, heading_key, match
from dagster_project.read.tables import UNREADABLE, Reject
from dagster_project.read.workbooks import Cell, Sheet, Workbook

#: A number of so many digits has lost those behind the fifteenth.
_INEXACT = 10**15


@dataclass
class SheetTable:
    """A sheet's rows below its header, in memory, written to the scratch file `target` when they are asked for."""

    connection: duckdb.DuckDBPyConnection
    rows: list[list[Cell]]
    headings: list[str]
    target: Path
    notes: list[str] = field(default_factory=list)
    is_empty: bool = False

    @property
    def has_unreadable(self) -> bool:
        """Whether a cell holds an error."""
        return any(isinstance(cell, tuple) for row in self.rows for cell in row)

    def dated(self) -> set[int]:
        """The columns in which some cell is a date to the workbook."""
        return {at for row in self.rows for at, cell in enumerate(row) if isinstance(cell, date)}

    def relation(self, positions: Collection[int]) -> str:
        """Writes the cells of these columns as text, once."""
        header = Header(",", [f"c{position}" for position in range(len(self.headings))])
        if not self.target.exists():
            _write(self.rows, header, frozenset(positions), self.target)
        forget_rejects(self.connection)
        return scan(self.target, header)

    def rejects(self) -> list[Reject]:
        """Rows too long to be read, if any."""
        return [
            Reject(line, None, f"{kind.lower()}: {message}", said)
            for line, kind, message, said in rejected_rows(self.connection)
        ]


def open_sheet(
    connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, needs_stage: bool, target: Path
) -> SheetTable:
    """Finds the sheet and its header: the first row that has the required headings, else the first with cells.

    The sheet is the one the feed names; else the first that can be seen and has such a row. Raises RefusedFileError
    for a workbook that cannot be read, a sheet that is not there, or one that is empty.
    """
    with Workbook(path) as workbook:
        sheet, rows, at = _chosen(workbook, feed, needs_stage)
        notes = _notes(workbook.sheets, sheet, feed)
        places = workbook.places[sheet.name][at:]
    if at:
        notes.append(f"sheet '{sheet.name}': {at} row{'s' if at > 1 else ''} above the headings passed over")
    # what stands between the headings and the last row, and is none of the rows
    blank = places[-1] - places[0] + 1 - len(places)
    if blank:
        notes.append(blank_note(blank))
    headings = [_text(cell, False) or "" for cell in rows[at]]
    return SheetTable(connection, rows[at + 1 :], headings, target, notes)


def _chosen(workbook: Workbook, feed: Feed, needs_stage: bool) -> tuple[Sheet, list[list[Cell]], int]:
    """The sheet that holds the feed's records, its rows, and where among them its headings are."""
    sheets = workbook.sheets
    if not sheets:
        raise RefusedFileError("is a workbook without a sheet of cells")
    if feed.sheet is not None:
        sheet, rows = _named_sheet(workbook, feed.sheet)
        return sheet, rows, _header_row(rows, feed, needs_stage) or 0
    visible = [sheet for sheet in sheets if sheet.is_visible]
    if not visible:
        raise RefusedFileError(f"has no sheet that can be seen; {_listed(sheets)}. Name one as `sheet` of its feed")
    others = []
    for sheet in visible:
        rows = workbook.rows(sheet)
        at = _header_row(rows, feed, needs_stage)
        if at is not None:
            return sheet, rows, at
        if rows:
            others.append(rows[0])
    if not others:
        raise _is_empty(sheets, visible)
    try:
        match([_text(cell, False) or "" for cell in others[0]], feed, needs_stage)
    except RefusedFileError as error:
        among = f"; {_listed(sheets)}, and none that can be seen has its headings" if len(sheets) > 1 else ""
        raise RefusedFileError(f"{error}{among}") from None
    raise AssertionError("a first row that matches is a header row")


def _named_sheet(workbook: Workbook, name: str) -> tuple[Sheet, list[list[Cell]]]:
    named = [sheet for sheet in workbook.sheets if heading_key(sheet.name) == heading_key(name)]
    if not named:
        raise RefusedFileError(f"has no sheet '{name}'; {_listed(workbook.sheets)}")
    rows = workbook.rows(named[0])
    if not rows:
        raise _is_empty(workbook.sheets, named)
    return named[0], rows


def _is_empty(sheets: list[Sheet], read: list[Sheet]) -> RefusedFileError:
    names = ", ".join(f"'{sheet.name}'" for sheet in read)
    what = f"its sheet {names} has" if len(read) == 1 else f"its sheets {names} have"
    more = f"; {_listed(sheets)}" if len(sheets) > len(read) else ""
    return RefusedFileError(f"is empty: {what} no cells{more}; name another one as `sheet` of its feed")


def _listed(sheets: list[Sheet]) -> str:
    names = ", ".join(f"'{sheet.name}'{'' if sheet.is_visible else ' (hidden)'}" for sheet in sheets)
    return f"its sheets are {names}"


def _notes(sheets: list[Sheet], read: Sheet, feed: Feed) -> list[str]:
    others = ", ".join(f"'{sheet.name}'{'' if sheet.is_visible else ' (hidden)'}" for sheet in sheets if sheet != read)
    if not others or feed.sheet is not None:
        return []
    return [f"read sheet '{read.name}', not {others}; name one as `sheet` of its feed"]


def _header_row(rows: list[list[Cell]], feed: Feed, needs_stage: bool) -> int | None:
    """Where the required headings are, if anywhere."""
    shown = ([_text(cell, False) or "" for cell in row] for row in rows[:SEARCHED_ROWS])
    return next((at for at, row in enumerate(shown) if fits(row, feed, needs_stage)), None)


def _write(rows: list[list[Cell]], header: Header, positions: frozenset[int], target: Path) -> None:
    with_time = {at for at in positions if any(_has_time(row[at]) for row in rows)}
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(header.headings)
        writer.writerows(_cells(rows, positions, with_time))


def _cells(rows: list[list[Cell]], positions: frozenset[int], with_time: set[int]) -> Iterator[list[str | None]]:
    for row in rows:
        yield [_text(cell, at in with_time) if at in positions else None for at, cell in enumerate(row)]


def _has_time(cell: Cell) -> bool:
    return isinstance(cell, datetime) and cell.time() != time()


def _text(cell: Cell, with_time: bool) -> str | None:
    """A cell as a person sees it; a day in a column of moments (`with_time`) is the midnight of it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, tuple):
        return UNREADABLE + cell[0]
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float) and abs(cell) >= _INEXACT:
        return f"{cell:.14E}"
    if isinstance(cell, int | float):
        return str(int(cell)) if float(cell).is_integer() else format(Decimal(repr(cell)), "f")
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ") if with_time or cell.time() != time() else cell.date().isoformat()
    if isinstance(cell, date):
        return f"{cell.isoformat()} 00:00:00" if with_time else cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return cell.isoformat() if isinstance(cell, time) else None
