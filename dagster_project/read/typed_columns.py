"""What of a file is read as dates or numbers, and how much of it is in the standard form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from dagster_project import sql
from dagster_project.config.feeds import Feed, Source
from dagster_project.config.fields import FieldKind, kinds_of
from dagster_project.read.candidate import Candidate
from dagster_project.read.headings import heading_key
from dagster_project.read.tables import record_number

#: A smaller share of values in no standard form, and in none that can be proved, is dirt and not the column's form.
MAX_STRAY_SHARE = 0.05
#: Logged fields whose values staging reads as dates and as amounts (dbt: stg_deal_changes).
CHANGED_DATES = ("created_at", "expected_close_on")
CHANGED_AMOUNTS = ("amount",)

Form = Literal["days", "moments", "amounts", "numbers"]


@dataclass(frozen=True)
class ReadColumn:
    """What is proved as one: `relation` gives its cells, `cell` among the columns it has beside `file_row_number`."""

    name: str
    form: Form
    cell: str
    relation: str
    total: int = 0
    standard: int = 0


@dataclass(frozen=True)
class Verdict:
    """The reading of a column (None: the standard one), or the doubt that nobody but the user can settle."""

    reading: str | None = None
    doubt: str | None = None


def read_columns(entity: str, fields: Mapping[str, FieldKind]) -> dict[str, Form]:
    """What of an entity is read as dates or numbers: its columns and fields, and what some of them hold within."""
    forms: dict[str, Form] = {"date": "days", "timestamp": "moments", "amount": "amounts", "number": "numbers"}
    columns = {name: forms[kind] for name, kind in kinds_of(entity, fields).items() if kind in forms}
    within: dict[str, dict[str, Form]] = {
        "deals": {"stage_dates": "moments"},
        "deal_changes": {"changed_dates": "days", "changed_amounts": "amounts"},
    }
    return columns | within.get(entity, {})


def is_number(feed: Feed, column: str) -> bool:
    """Whether a column of a feed is read as a number or amount."""
    return read_columns(feed.entity, feed.field_kinds).get(column) in ("amounts", "numbers")


def configured_formats(source: Source, feed: Feed) -> list[str]:
    """The strptime formats a feed is configured with."""
    return source.date_formats if feed.date_formats is None else feed.date_formats


def configured_sign(source: Source, feed: Feed) -> str | None:
    """The decimal sign a feed is configured with, as staging calls it."""
    sign = feed.decimal_separator or source.decimal_separator
    return {".": "point", ",": "comma"}[sign] if sign else None


def date_columns(file: Candidate) -> list[ReadColumn]:
    """What of a file is read as dates, with how many values each has, and how many in the standard form."""
    return [column for column in columns_of(file) if is_date(column)]


def is_date(column: ReadColumn) -> bool:
    """Whether it is read as a day or a moment."""
    return column.form in ("days", "moments")


def columns_of(file: Candidate) -> list[ReadColumn]:
    """The columns that have values, with how many, and how many of them are in the standard form."""
    connection, feed, filled, scan = file.connection, file.feed, file.filled, file.scan
    own = [
        ReadColumn(name, form, name, scan)
        for name, form in read_columns(feed.entity, feed.field_kinds).items()
        if name in filled and name in feed.kinds and name != "stage_dates"
    ]
    counted = _counted(connection, own)
    if "stage_dates" in filled:
        cells = (
            f"(select file_row_number, unnest(json_extract_string(stage_dates, '$[*].entered')) as cell from {scan})"
        )
        counted += _counted(connection, [ReadColumn("stage_dates", "moments", "cell", cells)])
    if feed.entity == "deal_changes" and "field" in filled:
        relation = (
            f"(select file_row_number, field, unnest([old_value, new_value]) as cell from {_changes(scan, filled)})"
        )
        custom = file.source.fields_of("deals")
        dates, amounts = (
            f"case when field in ({', '.join(map(sql.text, [*fields, *_of_kinds(custom, kinds)]))}) then cell end"
            for fields, kinds in ((CHANGED_DATES, ("date", "timestamp")), (CHANGED_AMOUNTS, ("amount", "number")))
        )
        counted += _counted(
            connection,
            [
                ReadColumn("changed_dates", "days", dates, relation),
                ReadColumn("changed_amounts", "amounts", amounts, relation),
            ],
        )
    return counted


def _of_kinds(fields: Mapping[str, FieldKind], kinds: Iterable[str]) -> list[str]:
    return [name for name, kind in fields.items() if kind in kinds]


def _changes(scan: str, filled: Sequence[str]) -> str:
    """The lake file of a change log, which may lack the old values."""
    missing = [f"cast(null as varchar) as {name}" for name in ("old_value", "new_value") if name not in filled]
    present = [name for name in ("field", "old_value", "new_value") if name in filled]
    return f"(select file_row_number, {', '.join(present + missing)} from {scan})"


def _counted(connection: duckdb.DuckDBPyConnection, columns: list[ReadColumn]) -> list[ReadColumn]:
    """The same columns (all of one relation), counted in one pass."""
    if not columns:
        return []
    counts = ", ".join(f"count({c.cell}), count_if({is_standard(c)})" for c in columns)
    row = connection.execute(f"select {counts} from {columns[0].relation}").fetchone() or ()
    return [
        ReadColumn(c.name, c.form, c.cell, c.relation, total, standard)
        for c, total, standard in zip(columns, row[::2], row[1::2], strict=True)
    ]


def is_standard(column: ReadColumn) -> str:
    """SQL: whether a cell is read as it is. Of numbers, `1.234` may be more than a thousand, and so is in doubt."""
    cell = column.cell
    if column.form == "days":
        return f"({_is_iso(cell)} or ({cell} like '____-__' and try_cast({cell} || '-01' as date) is not null))"
    if column.form == "moments":
        return _is_iso(cell)
    return (
        f"(try_cast({cell} as double) is not null "
        f"and not (strpos({cell}, '.') = length({cell}) - 3 and length({cell}) between 5 and 8))"
    )


def _is_iso(cell: str) -> str:
    return f"({cell} like '____-__-__%' and try_cast({cell} as timestamp) is not null)"


def is_all_but_strays(standard: int, total: int) -> bool:
    """Whether what is not in the standard form is few enough to be dirt."""
    return total - standard <= MAX_STRAY_SHARE * total


def row_at(position: int, rejected: Sequence[int]) -> int:
    """The record number (header = 1) of a lake file's row, counted from 0."""
    return record_number(position + 1, rejected)


def named(column: str, file: Candidate) -> str:
    """A canonical column with the heading it was read from."""
    delivered = {heading_key(heading): heading for heading in file.headings}
    for heading in file.feed.mapped.get(column, []):
        if isinstance(heading, str) and heading_key(heading) in delivered:
            return f"{column} ('{delivered[heading_key(heading)]}')"
    return column
