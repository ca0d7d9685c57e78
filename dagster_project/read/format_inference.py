"""How a file writes its dates and numbers, proved by the values of each column; never guessed.

What needs no proof is read as it is: ISO 8601, and plain numbers with a decimal point. A reading of the others is
possible if it reads every value of the column that any of the candidates reads (`n/a` counts for none of them). One
possible reading, or several that agree on every value: proved. Else the file is refused, with the readings shown.

    - a column whose values are ISO dates, or plain numbers, but for one in twenty is that; strays in it that are
      no evidence for one reading stay unread (NULL with `unparseable_value` in staging)
    - a file proves only itself: what another delivery proved would make the result depend on the order of loading

The candidates are constants of the dbt project, whose staging reads the values (dbt_project.yml, macros/read_values).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import duckdb
import yaml

from dagster_project import sql
from dagster_project.config.entities import ENTITIES
from dagster_project.config.models import Feed, Source
from dagster_project.errors import RefusedFileError
from dagster_project.package_files import PROJECT_DIR
from dagster_project.read.headings import heading_key
from dagster_project.read.reader import record_number

#: A smaller share of values in no standard form, and in none that can be proved, is dirt and not the column's form.
MAX_STRAY_SHARE = 0.05
#: Logged fields whose values staging reads as dates and as amounts (dbt: stg_deal_changes).
CHANGED_DATES = ("created_at", "expected_close_on")
CHANGED_AMOUNTS = ("amount",)

_EARLIEST = date(1900, 1, 1)
_ORDERS = {"day_first": "the day first", "month_first": "the month first", "year_first": "the year first"}

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
class _Verdict:
    """The reading of a column (None: the standard one), or the doubt that nobody but the user can settle."""

    reading: str | None = None
    doubt: str | None = None


def read_columns(entity: str) -> dict[str, Form]:
    """What of an entity is read as dates or numbers: its columns, and what some of them hold within."""
    forms: dict[str, Form] = {"date": "days", "timestamp": "moments", "amount": "amounts", "number": "numbers"}
    columns = {name: forms[kind] for name, kind in ENTITIES[entity].columns.items() if kind in forms}
    within: dict[str, dict[str, Form]] = {
        "deals": {"stage_dates": "moments"},
        "deal_changes": {"changed_dates": "days", "changed_amounts": "amounts"},
    }
    return columns | within.get(entity, {})


def is_number(feed: Feed, column: str) -> bool:
    """Whether a column of a feed is read as a number or amount."""
    return read_columns(feed.entity).get(column) in ("amounts", "numbers")


def readings(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    feed: Feed,
    filled: list[str],
    headings: list[str],
    rejected: list[int],
) -> dict[str, str]:
    """Column → how this lake file (Parquet of text) writes it, where that is not the standard form.

    What is configured needs no proof. `filled` are the columns with values; `headings` (of the delivered file) and
    `rejected` (record numbers) only help to name what is found. Raises RefusedFileError for a column that could be
    read two ways, or in no one way.
    """
    columns = [
        column
        for column in _columns(connection, path, feed, filled)
        if not (configured_formats(source, feed) if _is_date(column) else configured_sign(source, feed))
    ]
    doubtful = [column for column in columns if column.standard < column.total]
    verdicts = {
        column: (_prove_dates if _is_date(column) else _prove_numbers)(connection, column, rejected)
        for column in doubtful
    }
    doubts = [
        f"{named(column.name, feed, headings)}: {verdict.doubt}"
        for column, verdict in verdicts.items()
        if verdict.doubt
    ]
    if doubts:
        raise RefusedFileError("; ".join(doubts))
    return {column.name: verdict.reading for column, verdict in verdicts.items() if verdict.reading}


def configured_formats(source: Source, feed: Feed) -> list[str]:
    """The strptime formats a feed is configured with."""
    return source.date_formats if feed.date_formats is None else feed.date_formats


def configured_sign(source: Source, feed: Feed) -> str | None:
    """The decimal sign a feed is configured with, as staging calls it."""
    sign = feed.decimal_separator or source.decimal_separator
    return {".": "point", ",": "comma"}[sign] if sign else None


def date_columns(connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, filled: list[str]) -> list[ReadColumn]:
    """What of a lake file is read as dates, with how many values each has, and how many in the standard form."""
    return [column for column in _columns(connection, path, feed, filled) if _is_date(column)]


def _is_date(column: ReadColumn) -> bool:
    return column.form in ("days", "moments")


# ------------------------------------------------------------------ what needs proof


def _columns(connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, filled: list[str]) -> list[ReadColumn]:
    """The columns that have values, with how many, and how many of them are in the standard form."""
    scan = f"read_parquet({sql.text(path)}, file_row_number = true)"
    own = [
        ReadColumn(name, form, name, scan)
        for name, form in read_columns(feed.entity).items()
        if name in filled and name in ENTITIES[feed.entity].columns and name != "stage_dates"
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
        dates, amounts = (
            f"case when field in ({', '.join(map(sql.text, fields))}) then cell end"
            for fields in (CHANGED_DATES, CHANGED_AMOUNTS)
        )
        counted += _counted(
            connection,
            [
                ReadColumn("changed_dates", "days", dates, relation),
                ReadColumn("changed_amounts", "amounts", amounts, relation),
            ],
        )
    return counted


def _changes(scan: str, filled: list[str]) -> str:
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


# ------------------------------------------------------------------ dates


def _prove_dates(connection: duckdb.DuckDBPyConnection, column: ReadColumn, rejected: list[int]) -> _Verdict:
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
        return _Verdict("serial")
    verdict = _prove_order(connection, rejected)
    if verdict.reading or (verdict.doubt and not _is_all_but_strays(column.total - doubtful, column.total)):
        return verdict
    return _Verdict("unmistakable" if _any_is_unmistakable(connection, column.form) else None)


def _prove_order(connection: duckdb.DuckDBPyConnection, rejected: list[int]) -> _Verdict:
    """Which of its three numbers is the day: an order is possible that reads every date which any order reads."""
    orders = list(_rules()["dates_in_order"])
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
            where regexp_matches(written, {sql.text(_rules()["numbered_date"])})
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
        return _Verdict()
    possible = [order for order, missing in zip(orders, unread[1:], strict=True) if not missing]
    if not possible:
        return _Verdict(doubt=_contradiction(connection, orders, rejected))
    for one, other in combinations(possible, 2):
        differing = connection.execute(
            f"select cell, position, {one}, {other} from dates where {one} <> {other} order by position limit 1"
        ).fetchone()
        if differing:
            return _Verdict(doubt=_date_read_two_ways(differing, one, other, rejected))
    return _Verdict(possible[0])


def _day(order: str) -> str:
    """SQL: the day that the numbers of a date give in this order, if any."""
    formats = ", ".join(sql.text(text) for text in _rules()["dates_in_order"][order])
    day = f"cast(try_strptime(text, [{formats}]) as date)"
    return f"case when {day} >= date '{_EARLIEST}' then {day} end"


def moment(cell: str, reading: str | None, configured: list[str]) -> str:
    """SQL: a cell as a local time, as its file writes it; NULL for what is no moment (dbt: macros/read_values)."""
    rules = _rules()
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
    rules = _rules()
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
    timed = [f"{day}{joint}{time}" for day in dates for joint in "/T" for time in _rules()["times_of_day"]]
    formats = ", ".join(map(sql.text, [*dates, *timed]))
    return f"(try_strptime({_one_separator(cell)}, [{formats}]) is not null)"


def numbered_date() -> str:
    """The regular expression of a date of three numbers, the year last or of two digits."""
    return str(_rules()["numbered_date"])


def _any_is_unmistakable(connection: duckdb.DuckDBPyConnection, form: Form) -> bool:
    """Whether there is a date that is no standard one but can be read one way only, such as 5 Mar 2026."""
    rules = _rules()
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


def _contradiction(connection: duckdb.DuckDBPyConnection, orders: list[str], rejected: list[int]) -> str:
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


def _date_read_two_ways(found: tuple[Any, ...], one: str, other: str, rejected: list[int]) -> str:
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


# ------------------------------------------------------------------ numbers


def number_pattern(sign: str) -> str:
    """The regular expression of a whole cell that is a number with this decimal sign, `point` or `comma`."""
    rules = _rules()
    codes, signs = _one_of(rules["currency_codes"]), _one_of(rules["currency_signs"])
    digits = rules["number_digits"][sign]
    numbers = "|".join(
        rules["number_frame"]
        .replace("{prefix}", prefix)
        .replace("{digits}", whole)
        .replace("{suffix}", f"{codes}|{signs}")
        for prefix, whole in (
            (f"(?:{rules['number_prefix'].replace('{currency}', signs)})?", digits),
            # behind a code no superfluous zero: USD001 is the number of something
            (rules["number_prefix"].replace("{currency}", codes), r"(?:0|[1-9]\d*)" + digits.removeprefix(r"\d+")),
        )
    )
    return rf"^(?:{numbers}|\((?:{numbers})\))$"


def _one_of(words: Iterable[str]) -> str:
    return "|".join(words).replace(".", "[.]").replace("$", "[$]")


def currency_marks() -> dict[str, str]:
    """What stands beside amounts, the longest first → the currency it is, or the likeliest one of several."""
    rules = _rules()
    marks = {code: code for code in rules["currency_codes"]} | {
        sign: meant[0] for sign, meant in rules["currency_signs"].items()
    }
    return dict(sorted(marks.items(), key=lambda mark: -len(mark[0])))


@cache
def _money_in_thousands() -> str:
    """A regular expression: a currency of cents beside digits that end in a separator and three more.

    No such currency has a third digit behind its decimal sign, so the separator is none.
    """
    rules = _rules()
    thousandths = set(rules["currencies_of_thousandths"])
    codes = [code for code in rules["currency_codes"] if code not in thousandths]
    signs = [sign for sign, meant in rules["currency_signs"].items() if thousandths.isdisjoint(meant)]
    money = _one_of([*sorted(signs, key=len, reverse=True), *codes])
    around = r"[-+−( \x{A0}\x{202F}]*"
    digits = r"[0-9][0-9.,]*[.,][0-9]{3}"
    return rf"^{around}(?:(?:{money}){around}{digits}[^0-9]*|{digits}{around}(?:{money})[-) ]*)$"


def _prove_numbers(connection: duckdb.DuckDBPyConnection, column: ReadColumn, rejected: list[int]) -> _Verdict:
    """Values of one reading decide: `1.5` and `1234.567` for the point, `1.234,5` and `1.234.567` for the comma.

    `$12,500` decides for the point, and `12.500 €` for the comma: money has no third decimal, but for a few currencies.
    """
    point, comma = (f"regexp_matches(cell, {sql.text(number_pattern(sign))})" for sign in ("point", "comma"))
    percent = "" if column.form == "numbers" else "and not contains(cell, '%')"
    in_thousands = sql.text(_money_in_thousands())
    connection.execute(
        f"""
        create or replace temp table numbers as
        -- told apart by their form, all digits but 0 alike: of a million amounts a few hundred are left
        with forms as (
            select
                translate({column.cell}, '23456789', '11111111') as form,
                arg_min({column.cell}, file_row_number) as cell,
                min(file_row_number) as position,
                count(*) as cells
            from {column.relation}
            where {column.cell} is not null
            group by all
        ),

        read as (
            select
                cell,
                position,
                cells,
                try_cast(cell as double) is not null as is_plain,
                is_plain or ({point} {percent}) as may_be_point,
                not contains(cell, '.') and is_plain or ({comma} {percent}) as may_be_comma,
                -- whichever sign stands before the last three digits parts thousands, if they can be thousands
                may_be_point and may_be_comma and regexp_matches(cell, {in_thousands}) as is_in_thousands,
                may_be_point and not (is_in_thousands and regexp_matches(cell, '[.][0-9]{{3}}([^0-9]|$)')) as as_point,
                may_be_comma and not (is_in_thousands and regexp_matches(cell, '[,][0-9]{{3}}([^0-9]|$)')) as as_comma
            from forms
        )

        select
            is_plain,
            as_point,
            as_comma,
            as_point and as_comma and regexp_matches(cell, '[.,]') as is_ambiguous,
            arg_min(cell, position) as cell,
            min(position) as position,
            sum(cells) as cells
        from read
        where as_point or as_comma
        group by all
        """
    )
    points, commas, ambiguous = (
        connection.execute(f"select cell, position from numbers where {which} order by position limit 1").fetchone()
        for which in ("not as_comma", "not as_point", "is_ambiguous")
    )
    is_undecided = bool(points and commas) or bool(ambiguous and not points and not commas)
    if not is_undecided:
        return _Verdict("comma" if commas else "point" if _any_is_not_plain(connection) else None)
    if _is_plain_but_for_strays(connection, column.total):
        return _Verdict()
    if points and commas:
        return _Verdict(
            doubt=f"'{points[0]}' in row {row_at(points[1], rejected)} has a decimal point, but '{commas[0]}' in row "
            f"{row_at(commas[1], rejected)} a decimal comma. Export the column in one format, or set decimal_separator "
            "(what it does not fit stays unread)"
        )
    cell, position = ambiguous or ("", 0)
    return _Verdict(
        doubt=f"'{cell}' in row {row_at(position, rejected)} is {_as_number(cell, '.')} or {_as_number(cell, ',')}, "
        'and no value of the column says which. Set decimal_separator of the feed to "." or ","'
    )


def _any_is_not_plain(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute("select 1 from numbers where not is_plain limit 1").fetchone() is not None


def _is_plain_but_for_strays(connection: duckdb.DuckDBPyConnection, total: int) -> bool:
    """Plain numbers throughout, none of which could be thousands, but for a few that stay unread."""
    row = connection.execute(
        "select coalesce(sum(cells) filter (where is_plain), 0), count_if(is_plain and is_ambiguous) from numbers"
    ).fetchone()
    return row is not None and not row[1] and _is_all_but_strays(row[0], total)


def _as_number(cell: str, sign: str) -> Decimal:
    number = Decimal(re.sub(f"kr[.]|Rs[.]|Fr[.]|[^0-9{sign}]", "", cell).replace(sign, "."))
    return -number if re.search(_rules()["number_is_negative"], cell) else number


# ------------------------------------------------------------------ both


@cache
def _rules() -> dict[str, Any]:
    """The constants by which staging reads values."""
    rules: dict[str, Any] = yaml.safe_load((PROJECT_DIR / "dbt" / "dbt_project.yml").read_text(encoding="utf-8"))[
        "vars"
    ]
    return rules


def _is_all_but_strays(standard: int, total: int) -> bool:
    return total - standard <= MAX_STRAY_SHARE * total


def row_at(position: int, rejected: list[int]) -> int:
    """The record number (header = 1) of a lake file's row, counted from 0."""
    return record_number(position + 1, rejected)


def named(column: str, feed: Feed, headings: list[str]) -> str:
    """A canonical column with the heading it was read from."""
    delivered = {heading_key(heading): heading for heading in headings}
    for heading in feed.columns.get(column, []):
        if isinstance(heading, str) and heading_key(heading) in delivered:
            return f"{column} ('{delivered[heading_key(heading)]}')"
    return column
