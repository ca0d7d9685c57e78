"""Which of three numbers is the day: proved by the dates of a column, or refused with both readings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from itertools import combinations
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.read.reading_rules import reading_rules
from dagster_project.read.typed_columns import Form, ReadColumn, Verdict, is_all_but_strays, is_standard, row_at

_EARLIEST = date(1900, 1, 1)
_ORDERS = {"day_first": "the day first", "month_first": "the month first", "year_first": "the year first"}


def prove_dates(connection: duckdb.DuckDBPyConnection, column: ReadColumn, rejected: Sequence[int]) -> Verdict:
    """How a column of dates that are not all ISO 8601 is written, or the doubt."""
    # told apart by how they begin, which is where three numbers stand: of a million moments a few thousand are left
    connection.execute(
        f"""
        create or replace temp table doubtful as
        select
            left(cell, 11) as written,
            arg_min(cell, position) as cell,
            min(position) as position,
            count(*) as cells
        from (
            select {column.cell} as cell, file_row_number as position
            from {column.relation}
            where {column.cell} is not null and not {is_standard(column)}
        )
        group by all
        """
    )
    # ISO all the same, only that DuckDB's cast does not take an offset behind minutes or a space, or one named so
    connection.execute(
        r"delete from doubtful where regexp_matches(cell, '^.{16}(:\d{2}([.]\d+)?)? ?([Zz]|UTC|GMT|[-+]\d{2}.*)$')"
    )
    doubtful, serials = connection.execute(
        r"select coalesce(sum(cells), 0), coalesce(sum(cells) filter (where regexp_full_match(cell, '\d{5}([.]\d+)?') "
        "and try_cast(cell as double) between 25569 and 73050), 0) from doubtful"
    ).fetchone() or (0, 0)
    if serials == column.total:
        # days as a spreadsheet counts them, 1970 to 2100: only where nothing else stands in the column
        return Verdict("serial")
    verdict = _prove_order(connection, rejected)
    if verdict.reading or (verdict.doubt and not is_all_but_strays(column.total - doubtful, column.total)):
        return verdict
    return Verdict("unmistakable" if _any_is_unmistakable(connection, column.form) else None)


def _prove_order(connection: duckdb.DuckDBPyConnection, rejected: Sequence[int]) -> Verdict:
    """Which of its three numbers is the day: an order is possible that reads every date which any order reads."""
    orders = list(reading_rules()["dates_in_order"])
    connection.execute(
        f"""
        create or replace temp table dates as
        with numbered as (
            select
                {_one_separator("regexp_extract(written, '^[0-9]+[./ -][0-9]+[./ -][0-9]+')")} as text,
                arg_min(cell, position) as cell,
                min(position) as position,
                sum(cells) as cells
            from doubtful
            where regexp_matches(written, {sql.text(reading_rules()["numbered_date"])})
            group by all
        ),

        read as (
            select *, {", ".join(f"{_day(order)} as {order}" for order in orders)} from numbered
        )

        select * from read where coalesce({", ".join(orders)}) is not null
        """
    )
    unread = connection.execute(
        f"select count(*), {', '.join(f'count_if({order} is null)' for order in orders)} from dates"
    ).fetchone() or (0,)
    if not unread[0]:
        return Verdict()
    possible = [order for order, missing in zip(orders, unread[1:], strict=True) if not missing]
    if not possible:
        return Verdict(doubt=_contradiction(connection, orders, rejected))
    for one, other in combinations(possible, 2):
        differing = connection.execute(
            f"select cell, position, {one}, {other} from dates where {one} <> {other} order by position limit 1"
        ).fetchone()
        if differing:
            return Verdict(doubt=_date_read_two_ways(differing, one, other, rejected))
    return Verdict(possible[0])


def _day(order: str) -> str:
    """SQL: the day that the numbers of a date give in this order, if any."""
    formats = ", ".join(sql.text(text) for text in reading_rules()["dates_in_order"][order])
    day = f"cast(try_strptime(text, [{formats}]) as date)"
    return f"case when {day} >= date '{_EARLIEST}' then {day} end"


def moment(cell: str, reading: str | None, configured: list[str]) -> str:
    """SQL: a cell as a local time, as its file writes it; NULL for what is no moment (dbt: macros/read_values)."""
    rules = reading_rules()
    days = [*rules["dates_in_order"].get(reading, []), *rules["dates_unmistakable"]]
    formats = [*days, *(f"{day}{joint}{time}" for day in days for joint in "/T" for time in rules["times_of_day"])]
    # what is no date of three numbers needs no order; what is one has none but that of its file
    ways = [f"try_strptime({_one_separator(cell)}, [{', '.join(map(sql.text, formats))}])"]
    if reading not in rules["dates_in_order"]:
        ways = [f"case when not regexp_matches({cell}, {sql.text(rules['numbered_date'])}) then {ways[0]} end"]
    if configured:
        ways.insert(0, f"try_strptime({cell}, [{', '.join(map(sql.text, configured))}])")
    if reading == "serial":
        ways.append(f"timestamp '1899-12-30' + to_seconds(cast(try_cast({cell} as double) * 86400 as bigint))")
    seconds = f"cast(left({cell}, 10) as bigint)"
    ways.append(
        f"case when regexp_full_match({cell}, '[0-9]{{10}}([0-9]{{3}})?') then make_timestamp({seconds} * 1000000) end"
    )
    ways.insert(0, f"case when {cell} like '____-__-__%' then try_cast({cell} as timestamp) end")
    return f"coalesce({', '.join(ways)})"


def is_proved_date(cell: str, form: str, reading: str) -> str:
    """SQL: whether a cell that is not ISO 8601 is read by what its file has proved."""
    rules = reading_rules()
    unmistakable = [*rules["dates_unmistakable"], *(rules["months_alone"] if form == "days" else [])]
    is_numbered = f"regexp_matches({cell}, {sql.text(rules['numbered_date'])})"
    in_order = rules["dates_in_order"].get(reading)
    by_order = f"{_is_written_so(cell, in_order)}" if in_order else "false"
    return (
        f"(regexp_full_match({cell}, '[0-9]{{10}}([0-9]{{3}})?') "
        f"or (regexp_full_match({cell}, '(19|20)[0-9]{{6}}') and try_strptime({cell}, '%Y%m%d') is not null) "
        f"or case when {is_numbered} then {by_order} else {_is_written_so(cell, unmistakable)} end)"
    )


def _is_written_so(cell: str, dates: list[str]) -> str:
    """SQL: whether a cell is a day in one of these formats, with or without a time behind it."""
    timed = [f"{day}{joint}{time}" for day in dates for joint in "/T" for time in reading_rules()["times_of_day"]]
    formats = ", ".join(map(sql.text, [*dates, *timed]))
    return f"(try_strptime({_one_separator(cell)}, [{formats}]) is not null)"


def numbered_date() -> str:
    """The regular expression of a date of three numbers, the year last or of two digits."""
    return str(reading_rules()["numbered_date"])


def _any_is_unmistakable(connection: duckdb.DuckDBPyConnection, form: Form) -> bool:
    """Whether there is a date that is no standard one but can be read one way only, such as 5 Mar 2026."""
    rules = reading_rules()
    dates = [*rules["dates_unmistakable"], *(rules["months_alone"] if form == "days" else [])]
    timed = [f"{day}{joint}{time}" for day in dates for joint in "/T" for time in rules["times_of_day"]]
    formats = ", ".join(map(sql.text, [*dates, *timed]))
    found = connection.execute(
        f"""
        select 1
        from doubtful
        where
            regexp_full_match(cell, '[0-9]{{10}}([0-9]{{3}})?')
            or (regexp_full_match(cell, '(19|20)[0-9]{{6}}') and try_strptime(cell, '%Y%m%d') is not null)
            or case
                when not regexp_matches(cell, '^([0-9]{{1,4}}[./ -]|[A-Za-z]{{3,9}}[./ -])') then false
                when regexp_matches(written, {sql.text(rules["numbered_date"])}) then false
                else try_strptime({_one_separator("cell")}, [{formats}]) >= date '{_EARLIEST}'
            end
        limit 1
        """
    ).fetchone()
    return found is not None


def _one_separator(cell: str) -> str:
    return f"translate({cell}, concat('.- ', chr(160), chr(8239), ','), '/////')"


def _contradiction(connection: duckdb.DuckDBPyConnection, orders: list[str], rejected: Sequence[int]) -> str:
    """The two orders that read most, and a date of each that the other cannot be."""
    ranked = connection.execute(
        " union all ".join(
            f"select {sql.text(order)}, coalesce(sum(cells) filter (where {order} is not null), 0) from dates"
            for order in orders
        )
        + " order by 2 desc"
    ).fetchall()
    one, other = ranked[0][0], ranked[1][0]
    found = []
    for not_in in (other, one):
        row = connection.execute(
            f"select cell, position from dates where {not_in} is null order by position limit 1"
        ).fetchone()
        if row:
            found.append(f"'{row[0]}' in row {row_at(row[1], rejected)} cannot have {_ORDERS[not_in]}")
    return f"{', but '.join(found)}. Export the column in one format, or name it in date_formats (others stay unread)"


def _date_read_two_ways(found: tuple[Any, ...], one: str, other: str, rejected: Sequence[int]) -> str:
    cell, position, first, second = found
    return (
        f"'{cell}' in row {row_at(position, rejected)} is {spelled(first)} or {spelled(second)}, and no value of the "
        f'column says which. Set date_formats of the feed to ["{format_of(cell, one)}"] or ["{format_of(cell, other)}"]'
    )


def spelled(day: date) -> str:
    """A date with its month's name, as nobody can misread it."""
    return f"{day.day} {day:%B %Y}"


def format_of(cell: str, order: str) -> str:
    """The strptime format of a date of three numbers in this order, with its separators and its time."""
    match = re.match(r"(\d{1,2})([./ -])(\d{1,2})([./ -])(\d+)(.*)", cell, re.DOTALL)
    if match is None:
        raise ValueError(f"'{cell}' is no date of three numbers")
    year = "%Y" if len(match[5]) == 4 else "%y"
    numbers = {"day_first": ("%d", "%m", year), "month_first": ("%m", "%d", year), "year_first": (year, "%m", "%d")}
    first, second, third = numbers[order]
    half_day = re.search("[ap]m", match[6], re.IGNORECASE)
    time = re.sub("[ap]m", "%p", match[6], flags=re.IGNORECASE)
    time = re.sub(r"\d{1,2}:\d{2}(:\d{2})?", lambda m: f"{'%I' if half_day else '%H'}:%M{':%S' if m[1] else ''}", time)
    return f"{first}{match[2]}{second}{match[4]}{third}{time}"
