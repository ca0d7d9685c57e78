"""Dates in which a spreadsheet has swapped day and month.

A spreadsheet that opens a file of another country's dates takes 05/02/2026 for 2 May instead of 5 February, without a
word, and leaves 13/02/2026 a text, because there is no thirteenth month. What it saves has dates whose day is never
above 12, beside texts all of which have a number above 12. The dates are wrong, and nothing but this pattern tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from dagster_project import sql
from dagster_project.errors import RefusedFileError
from dagster_project.read import date_order, typed_columns
from dagster_project.read.candidate import Candidate

#: In text nobody sees whether a date was one to a spreadsheet: there one of each may be chance.
_EVIDENCE_IN_TEXT = 2
_TWO_NUMBERS = r"^(\d{1,2})[./ -](\d{1,2})[./ -]"


def refuse_swapped(file: Candidate, typed: Sequence[str]) -> None:
    """Raises RefusedFileError for a column of this file whose dates a spreadsheet has swapped.

    `typed` are the columns in which a workbook has dates as such. In other files, configured formats are their user's
    word that the rest of a column is as it stands.
    """
    found = []
    for column in typed_columns.date_columns(file):
        is_typed = column.name in typed
        if column.standard in (0, column.total) or (
            typed_columns.configured_formats(file.source, file.feed) and not is_typed
        ):
            continue
        told = _swapped(file, column, 1 if is_typed else _EVIDENCE_IN_TEXT)
        if told:
            found.append(f"{typed_columns.named(column.name, file)}: {told}")
    if found:
        raise RefusedFileError("; ".join(found))


def _swapped(file: Candidate, column: typed_columns.ReadColumn, evidence: int) -> str | None:
    numbered = sql.text(date_order.numbered_date())
    first, second = (f"cast(regexp_extract(cell, {sql.text(_TWO_NUMBERS)}, {group}) as integer)" for group in (1, 2))
    row = file.connection.execute(
        f"""
        with cells as (
            select
                {column.cell} as cell,
                file_row_number as position,
                {typed_columns.is_standard(column)} and {column.cell} like '____-__-__%' as is_date
            from {column.relation}
            where {column.cell} is not null
        ),

        told as (
            select
                cell,
                position,
                is_date,
                case when is_date then cast(substr(cell, 6, 2) as integer) end as month,
                case when is_date then cast(substr(cell, 9, 2) as integer) end as day,
                case when not is_date then greatest({first}, {second}) end as larger
            from cells
            where is_date or regexp_matches(cell, {numbered})
        )

        select
            count(*) filter (where is_date),
            count(*) filter (where not is_date),
            coalesce(max(day), 0),
            coalesce(min(larger), 0),
            arg_min(cell, position) filter (where day <> month),
            min(position) filter (where day <> month),
            arg_min(cell, position) filter (where not is_date),
            min(position) filter (where not is_date)
        from told
        """
    ).fetchone()
    if row is None:
        return None
    dates, texts, latest_day, least_number, dated, dated_at, text, text_at = row
    if min(dates, texts) < evidence or latest_day > 12 or least_number <= 12 or dated is None:
        return None
    shown = date.fromisoformat(dated[:10])
    swapped = shown.replace(month=shown.day, day=shown.month)
    text_row, dated_row = (typed_columns.row_at(at, file.rejected) for at in (text_at, dated_at))
    return (
        f"none of its {dates} dates has a day above 12, and each of its {texts} texts has a number above 12 "
        f"('{text}' in row {text_row}): a spreadsheet has swapped day and month of the dates. '{dated}' in row "
        f"{dated_row} is {date_order.spelled(swapped)}, or {date_order.spelled(shown)} as it stands. "
        "Export the file again and do not open it in a spreadsheet, or format the column as text before"
    )
