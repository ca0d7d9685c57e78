"""What a person should know of the cells of a file that was read all the same, a line for each column."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import duckdb

from dagster_project.config.feeds import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.read.headings import Matched
from dagster_project.read.tables import Table
from dagster_project.sql import text

_SHOWN = 8
_VALUE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*|\d+[.,]\d+")


def words_for_nothing(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    matched: Matched,
    words: Sequence[str],
    needed: Collection[int],
) -> list[str]:
    """Which columns hold words for nothing that no mapping names, and how often; their cells were read as empty."""
    if not words or not matched.used:
        return []
    listed = ", ".join(map(text, words))
    counts = [
        part
        for at in matched.used
        for part in (
            f"count(*) filter (where trim(c{at}) in ({listed}))",
            f"string_agg(distinct trim(c{at}), ', ' order by trim(c{at})) filter (where trim(c{at}) in ({listed}))",
        )
    ]
    row = connection.execute(f"select {', '.join(counts)} from {table.relation(needed)}").fetchone() or ()
    return [
        f"column '{table.headings[at]}': {count} cell{'s say' if count > 1 else ' says'} {said}, read as empty; name "
        "it in `null_values`, and this is not said again, or among the `values` of the column if it is one"
        for at, count, said in zip(matched.used, row[0::2], row[1::2], strict=True)
        if count
    ]


def nameless_columns(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    nameless: Sequence[int],
    needed: Collection[int],
    absent: Sequence[str],
) -> list[str]:
    """Columns whose heading says nothing although they have values.

    `absent` are mapped columns of a text file without a heading. Raises RefusedFileError where there are some: one of
    the nameless may be one of them.
    """
    if not nameless:
        return []
    cells = [(at, f"nullif(trim(c{at}), '')") for at in nameless]
    counts = ", ".join(
        f"count({cell}), count({cell}) filter (where try_cast(c{at} as bigint) is null)" for at, cell in cells
    )
    row = connection.execute(f"select {counts} from {table.relation(needed)}").fetchone() or ()
    found = list(zip(nameless, row[0::2], row[1::2], strict=True))
    # the first one may be the row numbers that a program writes
    unknown = [at for at, values, others in found if values and (at > 0 or others)]
    if unknown and absent:
        raise RefusedFileError(
            f"has values below a heading without letters (column {unknown[0] + 1}), and no heading for "
            f"{', '.join(absent[:_SHOWN])}: it may be that one. Give the column its heading, or leave it out"
        )
    return [f"column {at + 1} has no heading, so its {values} values are not read" for at, values, _ in found if values]


def columns_without_heading(matched: Matched, feed: Feed) -> list[str]:
    """The columns of a mapping that a file does not have."""
    absent = [f"{column} ('{_heading(feed, column)}')" for column in absent_columns(matched, feed)]
    return [f"has no heading for {', '.join(absent)}"] if absent else []


def refuse_a_row_for_headings(headings: Sequence[str], unmapped: Collection[str]) -> None:
    """Raises RefusedFileError where a file without rows has dates or amounts among its headings: its first row."""
    value = next((heading for heading in headings if heading in unmapped and _VALUE.fullmatch(heading.strip())), None)
    if value is not None:
        raise RefusedFileError(
            "has no rows, but a heading that is a date or an amount: headings and rows stand in one line. "
            "Export it again"
        )


def absent_columns(matched: Matched, feed: Feed) -> list[str]:
    """The columns of a mapping without a heading in a file, but for those that a constant gives."""
    return [column for column in feed.mapped if column not in matched.positions and column not in feed.constants]


def _heading(feed: Feed, column: str) -> str:
    first = feed.mapped[column][0] if feed.mapped[column] else ""
    return first if isinstance(first, str) else " + ".join(first)
