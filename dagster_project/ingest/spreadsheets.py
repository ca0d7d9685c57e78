"""Workbooks (.xlsx): one sheet, written out as delimited text that is then read like any other."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from dagster_project.config.models import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.ingest.delimited import Header, forget_rejects, rejected_rows, scan
from dagster_project.ingest.headings import header_row, heading_key
from dagster_project.ingest.tables import Reject

#: A number of so many digits has lost those behind the fifteenth.
_INEXACT = 10**15


@dataclass
class SheetTable:
    """A sheet's rows below its header, in memory, written to the scratch file `target` when they are asked for."""

    connection: duckdb.DuckDBPyConnection
    rows: list[list[Any]]
    headings: list[str]
    target: Path
    notes: list[str] = field(default_factory=list)
    is_empty: bool = False

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

    Raises RefusedFileError for a damaged workbook, a sheet that is not there, or one that is empty.
    """
    try:
        with CalamineWorkbook.from_path(str(path)) as workbook:
            sheet, notes = _chosen(workbook, feed)
            rows = sheet.to_python(skip_empty_area=True)
    except CalamineError as error:
        raise RefusedFileError(f"cannot be read as .xlsx: {error}; save it again, or export it as CSV") from None
    rows = [row for row in rows if any(cell != "" for cell in row)]
    if not rows:
        raise RefusedFileError(
            f"is empty: its sheet '{sheet.name}' has no cells; name another one as `sheet` of its feed"
        )
    shown = ([_text(cell, False) or "" for cell in row] for row in rows)
    at = header_row(shown, feed, needs_stage)
    if at:
        notes.append(f"sheet '{sheet.name}': {at} row{'s' if at > 1 else ''} above the headings passed over")
    headings = [_text(cell, False) or "" for cell in rows[at]]
    return SheetTable(connection, rows[at + 1 :], headings, target, notes)


def _chosen(workbook: CalamineWorkbook, feed: Feed) -> tuple[CalamineSheet, list[str]]:
    names = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    if not names:
        raise RefusedFileError("is a workbook without a sheet of cells")
    if feed.sheet is None:
        others = ", ".join(f"'{name}'" for name in names[1:])
        notes = [f"read sheet '{names[0]}', not {others}; name one as `sheet` of its feed"] if others else []
        return workbook.get_sheet_by_name(names[0]), notes
    for name in names:
        if heading_key(name) == heading_key(feed.sheet):
            return workbook.get_sheet_by_name(name), []
    raise RefusedFileError(f"has no sheet '{feed.sheet}'; its sheets are {', '.join(map(repr, names))}")


def _write(rows: list[list[Any]], header: Header, positions: frozenset[int], target: Path) -> None:
    with_time = {at for at in positions if any(_has_time(row[at]) for row in rows)}
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(header.headings)
        writer.writerows(_cells(rows, positions, with_time))


def _cells(rows: list[list[Any]], positions: frozenset[int], with_time: set[int]) -> Iterator[list[str | None]]:
    for row in rows:
        yield [_text(cell, at in with_time) if at in positions else None for at, cell in enumerate(row)]


def _has_time(cell: Any) -> bool:
    return isinstance(cell, datetime) and cell.time() != time()


def _text(cell: Any, with_time: bool) -> str | None:
    """A cell as a person sees it; a day in a column of moments (`with_time`) is the midnight of it."""
    if isinstance(cell, str):
        return cell
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
