"""How a file's dates and numbers are meant: proved by the values of a column, or the file is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.config.feeds import Feed, Source
from dagster_project.errors import RefusedFileError
from dagster_project.read.candidate import Candidate
from dagster_project.read.date_order import format_of
from dagster_project.read.format_inference import readings

ISO = ["2026-03-05", "2026-03-05 14:15", "2026-03-05T14:15:00.000Z", "2026-03-05T14:15+01:00", "2026-03-05 14:15:00"]


def proved(tmp_path: Path, column: str, cells: Sequence[str | None], entity: str = "deals", **said: Any) -> str | None:
    """The reading of a column with these cells, from row 2 on."""
    fields: dict[str, Sequence[str | None]] = (
        {"field": ["expected_close_on"] * len(cells)} if entity == "deal_changes" else {}
    )
    return read(tmp_path, {column: cells, **fields}, entity, **said).get(
        "changed_dates" if entity == "deal_changes" else column
    )


def read(
    tmp_path: Path,
    columns: Mapping[str, Sequence[str | None]],
    entity: str = "deals",
    rejected: list[int] | None = None,
    **said: Any,
) -> dict[str, str]:
    path = tmp_path / "rows.parquet"
    selected = ", ".join(f"unnest(?::varchar[]) as {name}" for name in columns)
    duckdb.execute(f"copy (select {selected}) to '{path}' (format parquet)", list(columns.values()))
    feed = Feed(entity=entity, files=["*.csv"], columns={name: f"The {name}" for name in columns}, **said)
    source = Source(name="crm", feeds={"deals": feed})
    filled = [name for name, cells in columns.items() if any(cells)]
    headings = [f"THE {name}" for name in columns]
    return readings(Candidate(duckdb.connect(), path, source, feed, filled, headings, rejected or []))


def refusal(tmp_path: Path, column: str, cells: list[str | None], entity: str = "deals") -> str:
    with pytest.raises(RefusedFileError) as refused:
        proved(tmp_path, column, cells, entity)
    return str(refused.value)


# ------------------------------------------------------------------ dates


def test_iso_dates_and_what_is_no_date_need_no_proof(tmp_path: Path) -> None:
    named = ["2026-03-05 14:15:00 UTC", "2026-03-05 14:15 GMT", "2026-03-05T14:15:00z"]
    assert proved(tmp_path, "created_at", named) is None
    assert proved(tmp_path, "created_at", [*ISO, None, "n/a", "soon", "2026-02-30", "0000-00-00 00:00:00"]) is None
    assert proved(tmp_path, "close_on", ["2026-03", "2026-03-05"]) is None


@pytest.mark.parametrize(
    ("cells", "reading"),
    [
        (["03/04/2026", "13/04/2026"], "day_first"),
        (["03/04/2026", "04/13/2026"], "month_first"),
        (["3.4.2026, 14:15", "13.4.2026, 2:15"], "day_first"),
        (["3/4/2026, 2:15 PM", "4/13/2026, 2:15:03 PM"], "month_first"),
        (["26-03-05", "26-03-31", "32-03-31"], "year_first"),
        (["03/04/99", "13/04/99"], "day_first"),
        # read alike both ways
        (["04/04/2026", "05/05/2026"], "day_first"),
        # what nobody reads decides nothing
        (["13/04/2026", "31/02/2026", "n/a", "99/99/2026", "2026-03-05"], "day_first"),
        (["5 Mar 2026", "Mar 5, 2026", "5-March-26", "2026/03/05 14:15", "20260305"], "unmistakable"),
        (["1767225600", "1767225600000"], "unmistakable"),
        (["2026-03-05 2:15 PM"], "unmistakable"),
        # the numbers beside them are proved, the month's name needs no proof
        (["5 Mar 2026", "13/04/2026"], "day_first"),
        (["45678", "45678.5"], "serial"),
        # a number here and there is no date
        (["45678", "2026-03-05"], None),
    ],
)
def test_a_column_is_proved_by_its_values(tmp_path: Path, cells: list[str | None], reading: str | None) -> None:
    assert proved(tmp_path, "created_at", cells) == reading


def test_a_month_alone_is_a_day_but_no_moment(tmp_path: Path) -> None:
    assert proved(tmp_path, "close_on", ["03/2026", "Mar 2026"]) == "unmistakable"
    assert proved(tmp_path, "created_at", ["03/2026", "Mar 2026"]) is None


def test_a_column_that_can_be_read_two_ways_shows_both(tmp_path: Path) -> None:
    said = refusal(tmp_path, "created_at", ["2026-01-01", "05/05/2026", "03/04/2026 14:15", "12/04/2026"])
    assert said == (
        "created_at ('THE created_at'): '03/04/2026 14:15' in row 4 is 3 April 2026 or 4 March 2026, and no value of "
        'the column says which. Set date_formats of the feed to ["%d/%m/%Y %H:%M"] or ["%m/%d/%Y %H:%M"]'
    )


def test_a_year_of_two_digits_may_come_first(tmp_path: Path) -> None:
    said = refusal(tmp_path, "created_at", ["31.12.25"])
    assert "'31.12.25' in row 2 is 31 December 2025 or 25 December 2031" in said
    assert '["%d.%m.%y"] or ["%y.%m.%d"]' in said


def test_values_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, "created_at", ["13/04/2026", "14/04/2026", "04/13/2026"])
    assert "'13/04/2026' in row 2 cannot have the month first" in said
    assert "'04/13/2026' in row 4 cannot have the day first" in said


def test_every_column_in_doubt_is_named(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match=r"amount.*; created_at"):
        read(tmp_path, {"created_at": ["03/04/2026"], "amount": ["1.234"]})


@pytest.mark.parametrize(("standard", "refused"), [(19, False), (18, True)])
def test_a_stray_among_iso_dates_is_left_unread(tmp_path: Path, standard: int, refused: bool) -> None:
    cells: list[str | None] = [*["2026-03-05"] * standard, "03/04/2026"]
    if refused:
        assert "'03/04/2026'" in refusal(tmp_path, "created_at", cells)
    else:
        assert proved(tmp_path, "created_at", cells) is None


def test_what_is_configured_needs_no_proof(tmp_path: Path) -> None:
    assert proved(tmp_path, "created_at", ["03/04/2026"], date_formats=["%d/%m/%Y"]) is None
    assert proved(tmp_path, "amount", ["1.234"], decimal_separator=",") is None


def test_dates_within_stage_dates_are_one_column(tmp_path: Path) -> None:
    row = [{"stage": "Demo", "pipeline": None, "entered": day} for day in ("03/04/2026", None, "13/04/2026")]
    assert read(tmp_path, {"stage_dates": [json.dumps(row), None]}) == {"stage_dates": "day_first"}


def test_logged_values_are_proved_by_what_their_field_is(tmp_path: Path) -> None:
    columns: dict[str, list[str | None]] = {
        "field": ["expected_close_on", "expected_close_on", "stage", "amount", "amount"],
        "old_value": [None, "03/04/2026", "04/13/2026", None, "1.234"],
        "new_value": ["03/04/2026", "13/04/2026", None, "1.234", "1.234,5"],
    }
    assert read(tmp_path, columns, "deal_changes") == {"changed_dates": "day_first", "changed_amounts": "comma"}
    del columns["old_value"]
    assert read(tmp_path, columns, "deal_changes") == {"changed_dates": "day_first", "changed_amounts": "comma"}


def test_rows_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match="in row 5 is"):
        read(tmp_path, {"created_at": ["n/a", "03/04/2026"]}, rejected=[2, 4])


@pytest.mark.parametrize(
    ("cell", "order", "format"),
    [
        ("3/4/2026, 2:15 PM", "month_first", "%m/%d/%Y, %I:%M %p"),
        ("03.04.26 14:15:16", "day_first", "%d.%m.%y %H:%M:%S"),
        ("26-04-03", "year_first", "%y-%m-%d"),
    ],
)
def test_the_format_to_configure_is_spelled_out(cell: str, order: str, format: str) -> None:
    assert format_of(cell, order) == format


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("cells", "reading"),
    [
        (["1200", "0", None], None),
        # machine exports: a plain point, also with three decimals
        (["11015.0", "1.234"], None),
        (["45362.12", "16120999.999999998"], None),
        (["1234.567", "1.234"], None),
        (["0.123", "1.234"], None),
        (["1,234.56", "12"], "point"),
        (["1.234,56", "12"], "comma"),
        (["12,5", "1.234"], "comma"),
        (["1.234.567", "1.234"], "comma"),
        (["1,234,567", "12,345"], "point"),
        (["12,34,567", "12,345"], "point"),
        (["1 234,56", "1\u202f234", "1\u00a0234"], "comma"),
        (["1'234.50", "1’234"], "point"),
        (["€ 1.234,56", "EUR 12", "12 €"], "comma"),
        (["$12.50", "(1,200.00)", "1200-", "-$5"], "point"),
        (["€ 1200", "1 200"], "point"),
        # a dash for no cents is a decimal sign's
        (["1200.-", "CHF 1'200.-", "1200.-- CHF"], "point"),
        (["1.200,-", "1200,— €", "1200"], "comma"),
        (["1200 EUR-"], None),
        # money has no third decimal, so what parts the last three digits parts thousands
        (["$950", "$12,500"], "point"),
        (["12,500", "12,500 USD"], "point"),
        (["-$12,500", "($1,250)", "US$ 4,200"], "point"),
        (["€ 1.200", "1.200"], "comma"),
        (["1.200 zł", "12.500 kr", "950"], "comma"),
        (["12.500,00", "EUR 12.500"], "comma"),
        (["¥12,500"], "point"),
        (["₹12,34,567", "₹12,345"], "point"),
        (["JOD 1,234.500", "JOD 1,234"], "point"),
        (["$1234.567", "$5"], "point"),
        # no numbers
        (["n/a", "25k USD", "ca. 12 Tsd.", "1,5 Mio", "$12k", "12"], None),
    ],
)
def test_a_decimal_sign_is_proved_by_the_values(tmp_path: Path, cells: list[str | None], reading: str | None) -> None:
    assert proved(tmp_path, "amount", cells) == reading


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1.234", "12.345", "7"], "'1.234' in row 2 is 1.234 or 1234,"),
        (["1,200", "12", "JOD 1,300"], "'1,200' in row 2 is 1200 or 1.200,"),
        (["KWD 1.300"], "'KWD 1.300' in row 2 is 1.300 or 1300,"),
        (["$12,500", "€ 12.500"], "'$12,500' in row 2 has a decimal point, but '€ 12.500' in row 3 a decimal comma"),
        (["(1.200) ", "(1.200)"], "'(1.200)' in row 3 is -1.200 or -1200,"),
        (["1234.5", "12,5"], "'1234.5' in row 2 has a decimal point, but '12,5' in row 3 a decimal comma"),
    ],
)
def test_numbers_of_two_readings_are_refused(tmp_path: Path, cells: list[str | None], said: str) -> None:
    assert said in refusal(tmp_path, "amount", cells)


def test_a_stray_among_plain_numbers_is_left_unread(tmp_path: Path) -> None:
    assert proved(tmp_path, "amount", [*["1200.5"] * 19, "12,5"]) is None
    # but not beside one that the stray makes doubtful
    assert "decimal comma" in refusal(tmp_path, "amount", [*["1200.5"] * 38, "1.234", "12,5"])


def test_a_percentage_is_a_number_but_no_amount(tmp_path: Path) -> None:
    assert proved(tmp_path, "rate", ["12,5 %", "3"], "exchange_rates") == "comma"
    assert proved(tmp_path, "amount", ["12,5 %", "3"]) is None
