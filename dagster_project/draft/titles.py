"""Where the headings of a file are that nobody has described: below the titles of a report, in a row of known words."""

from __future__ import annotations

import csv
import shutil
from itertools import islice
from pathlib import Path

from dagster_project.draft.words import heading_score
from dagster_project.read.delimited import DELIMITERS

#: How far down they may be.
SEARCHED_ROWS = 50
#: So many known words make a row of headings.
_LEAST_KNOWN = 2


def lines_above_headings(path: Path) -> int:
    """How many lines of a delimited text stand above its headings; 0 where its first line may be them."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        lines = [line.removeprefix("\ufeff") for line in islice(file, SEARCHED_ROWS)]
    counts = [max(_known(line, delimiter) for delimiter in DELIMITERS) for line in lines]
    filled = [count for count, line in zip(counts, lines, strict=True) if line.strip(f" {DELIMITERS}\r\n")]
    # values of a row may be words too: what stands first and says as much as any other are the headings
    if not filled or filled[0] >= _LEAST_KNOWN or max(counts) < _LEAST_KNOWN:
        return 0
    return counts.index(max(counts))


def _known(line: str, delimiter: str) -> int:
    return sum(is_known(cell) for row in csv.reader([line], delimiter=delimiter) for cell in row)


def without_lines(path: Path, lines: int, target: Path) -> Path:
    """Copies a text without its first lines."""
    with path.open("rb") as file, target.open("wb") as copy:
        for _ in range(lines):
            file.readline()
        shutil.copyfileobj(file, copy)
    return target


def is_known(heading: str) -> bool:
    """Whether a cell is a word for a column of deals or activities."""
    columns = ("deal_id", "stage", "amount", "created_at", "close_on", "owner_id", "account_id")
    return any(heading_score(heading, "deals", column) >= 0.6 for column in columns) or any(
        heading_score(heading, "activities", column) >= 0.6 for column in ("activity_id", "activity_type", "due_at")
    )
