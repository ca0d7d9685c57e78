"""Rows with a NUL byte in a mapped cell, which no database downstream can hold."""

from __future__ import annotations

import duckdb

from dagster_project.read.headings import Matched
from dagster_project.read.tables import Reject, record_number
from dagster_project.sql import text


def has_nul(matched: Matched) -> str:
    """The condition that a mapped cell holds a NUL byte; NULL where all of them are."""
    return " or ".join(f"contains(c{at}, chr(0))" for at in matched.used)


def nul_rows(
    connection: duckdb.DuckDBPyConnection, relation: str, matched: Matched, is_record: str, rejected: list[int]
) -> list[Reject]:
    """Rows with a NUL byte in a mapped column: no database downstream can hold one, so they are rejects."""
    column_at = dict.fromkeys(matched.stage_dates, "stage_dates")
    column_at |= {at: column for column, positions in matched.positions.items() for at in positions}
    which = " ".join(f"when contains(c{at}, chr(0)) then {text(column)}" for at, column in column_at.items())
    cells = ", ".join(f"c{at}" for at in column_at)
    rows = connection.execute(
        f"""
        select position, which, text
        from (
            select
                row_number() over () as position,
                case when {is_record} then case {which} end end as which,
                replace(concat_ws(' | ', {cells}), chr(0), '\\0') as text
            from {relation}
        )
        where which is not null
        """
    ).fetchall()
    return [
        Reject(record_number(position, rejected), which, "contains a NUL byte", said) for position, which, said in rows
    ]
