"""Which sign stands before the decimals: proved by the numbers of a column, or refused with both readings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache

import duckdb

from dagster_project import sql
from dagster_project.read.reading_rules import reading_rules
from dagster_project.read.typed_columns import ReadColumn, Verdict, is_all_but_strays, row_at


def number_pattern(sign: str) -> str:
    """The regular expression of a whole cell that is a number with this decimal sign, `point` or `comma`."""
    rules = reading_rules()
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
    rules = reading_rules()
    marks = {code: code for code in rules["currency_codes"]} | {
        sign: meant[0] for sign, meant in rules["currency_signs"].items()
    }
    return dict(sorted(marks.items(), key=lambda mark: -len(mark[0])))


@cache
def _money_in_thousands() -> str:
    """A regular expression: a currency of cents beside digits that end in a separator and three more.

    No such currency has a third digit behind its decimal sign, so the separator is none.
    """
    rules = reading_rules()
    thousandths = set(rules["currencies_of_thousandths"])
    codes = [code for code in rules["currency_codes"] if code not in thousandths]
    signs = [sign for sign, meant in rules["currency_signs"].items() if thousandths.isdisjoint(meant)]
    money = _one_of([*sorted(signs, key=len, reverse=True), *codes])
    around = r"[-+−( \x{A0}\x{202F}]*"
    digits = r"[0-9][0-9.,]*[.,][0-9]{3}"
    return rf"^{around}(?:(?:{money}){around}{digits}[^0-9]*|{digits}{around}(?:{money})[-) ]*)$"


def prove_numbers(connection: duckdb.DuckDBPyConnection, column: ReadColumn, rejected: Sequence[int]) -> Verdict:
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
        return Verdict("comma" if commas else "point" if _any_is_not_plain(connection) else None)
    if _is_plain_but_for_strays(connection, column.total):
        return Verdict()
    if points and commas:
        return Verdict(
            doubt=f"'{points[0]}' in row {row_at(points[1], rejected)} has a decimal point, but '{commas[0]}' in row "
            f"{row_at(commas[1], rejected)} a decimal comma. Export the column in one format, or set decimal_separator "
            "(what it does not fit stays unread)"
        )
    cell, position = ambiguous or ("", 0)
    return Verdict(
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
    return row is not None and not row[1] and is_all_but_strays(row[0], total)


def _as_number(cell: str, sign: str) -> Decimal:
    number = Decimal(re.sub(f"kr[.]|Rs[.]|Fr[.]|[^0-9{sign}]", "", cell).replace(sign, "."))
    return -number if re.search(reading_rules()["number_is_negative"], cell) else number
