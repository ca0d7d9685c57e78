"""What a report writes below its last record: totals, a legal footer, who made it. None of it is a record."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from dagster_project.read.headings import heading_key
from dagster_project.wording import counted

#: How much of the end of a text file may be its tail.
_TAIL_BYTES = 1 << 16


def tail_rows(from_the_end: Iterator[Sequence[str]], width: int, patterns: Sequence[str]) -> int:
    """How many rows at the end are a report's tail; 0 without `patterns`, or if no row there matches one.

    The tail starts with a row whose first cell with a text matches a pattern. Every row of it does, or has one cell
    with a text at most, as a line of a footer. A row of which most of the `width` columns are filled is a record,
    even if it is named `Total`, and so is what stands above it. Words alone in the first cell right above the tail,
    parted from the records by a blank line where there are such, belong to it: the report's name.
    """
    found = names_from = above = 0
    filled_by_totals = max(2, width // 2)
    for number, row in enumerate(from_the_end, start=1):
        filled = [cell for cell in row if cell.strip()]
        if len(filled) > filled_by_totals:
            break
        if filled and any(fnmatch(heading_key(filled[0]), heading_key(pattern)) for pattern in patterns):
            found = names_from = above = number
        elif len(filled) > 1:
            break
        elif found and above == number - 1 and _may_be_a_name(row, width):
            above = number
            names_from = number if filled else names_from
            if not filled or len(row) == width:
                found = names_from
    return found


def _may_be_a_name(row: Sequence[str], width: int) -> bool:
    """Whether a row is blank, or has words in its first cell alone."""
    first, *others = row or [""]
    return not any(cell.strip() for cell in others) and (len(row) < width or " " in first.strip() or not first.strip())


def cut_text(path: Path, delimiter: str, width: int, patterns: Sequence[str], target: Path) -> int:
    """Copies a text file without its tail to `target`, if it has one; how many rows that takes from it.

    Blank lines, which are no rows, are not counted.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        lines = file.read().splitlines(keepends=True)
    # the first line is the header, or half a line
    lines = lines[:0:-1]
    dropped = lines[: tail_rows(_cells(lines, delimiter), width, patterns)]
    if not dropped:
        return 0
    left = size - sum(map(len, dropped))
    with path.open("rb") as file, target.open("wb") as copy:
        while left and (chunk := file.read(min(left, 1 << 20))):
            copy.write(chunk)
            left -= len(chunk)
    return sum(1 for line in dropped if line.strip())


def tail_note(rows: int) -> str:
    """What a person should know about it."""
    were = "was" if rows == 1 else "were"
    return f"{counted(rows, 'row')} below the last record, a report's totals and footer, {were} passed over"


def _cells(lines: Sequence[bytes], delimiter: str) -> Iterator[list[str]]:
    for line in lines:
        if line.count(b'"') % 2:  # the end of a cell of several lines: whatever stands above it is inside a record
            return
        yield next(csv.reader([line.decode("utf-8", errors="replace")], delimiter=delimiter), [])
