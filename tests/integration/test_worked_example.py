"""docs/worked-example.md is true: its files and configuration, run through a night, give its results, cell by cell.

Nothing is repeated here: configuration, deliveries and results are read out of the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT, Warehouse
from tests.oracle import compare, compute

PAGE = (PROJECT / "docs" / "worked-example.md").read_text(encoding="utf-8")
NULL = "–"
#: What the page does not work out: where a row stands, and intervals, which nobody computes by hand.
NOT_IN_THE_PAGE = re.compile("source|pipeline|cohort|cohort_month|stage_order|canonical_stage|step_order|.*_(low|high)")

Row = dict[str, Any]
MONTHLY = "mart_monthly_metrics where grain = 'all'"
#: Result of a query → the heading under which the page works it out, and the first columns of its table there.
MONTH_BY_MONTH = {MONTHLY: "By month", "mart_pipeline_movements": "What moved"}
LISTED = {
    "mart_stage_metrics": ("By stage", ["month", "stage"]),
    "mart_time_in_stage": ("By stage", ["stage"]),
    "mart_funnel": ("By month of creation: the funnel", ["month", "entity", "step"]),
    "mart_win_probability where cohort = 'all'": ("By age: the probability of being won", ["age_days"]),
    "mart_monthly_metrics where grain in ('segment', 'lead_source')": ("By month", ["month", "grain", "grain_value"]),
}


def section(heading: str) -> str:
    """What stands under a heading, up to the next."""
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def blocks(language: str) -> dict[str, str]:
    """The fenced blocks of a language, by the rest of their first line."""
    found = re.findall(rf"^```{language} ?(.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return dict(found)


def tables(heading: str) -> list[list[dict[str, str]]]:
    """The tables of a section, each row by the table's headings."""
    found = []
    for lines in re.findall(r"(?:^\|.*\n?)+", section(heading), re.MULTILINE):
        names, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines()]
        found.append([dict(zip(names, row, strict=True)) for row in rows])
    return found


def table(heading: str, columns: list[str]) -> list[dict[str, str]]:
    """The table of a section that begins with these columns."""
    (found,) = (rows for rows in tables(heading) if list(rows[0])[: len(columns)] == columns)
    return [{name: cell for name, cell in row.items() if name != "how"} for row in found]


def one_by_one(rows: list[dict[str, str]], column: str) -> list[dict[str, str]]:
    """A row that speaks of several steps at once as a row for each."""
    return [row | {column: one} for row in rows for one in row[column].split(", ")]


def value(cell: str) -> Any:
    """A cell as what it says: nothing, yes or no, a month, an exact number, or words."""
    if cell in ("", NULL):
        return None
    if cell in ("yes", "no"):
        return cell == "yes"
    if re.fullmatch(r"\d{4}-\d\d", cell):
        return date.fromisoformat(f"{cell}-01")
    if re.fullmatch(r"[\d,.]+|\d+/\d+", cell):
        return Fraction(cell.replace(",", ""))
    return cell


def by_month(heading: str) -> dict[date, dict[str, str]]:
    """A table that has a column for each month and a row for each figure, turned round."""
    rows = table(heading, [""])
    months = [name for name in rows[0] if name]
    return {value(month): {row[""]: row[month] for row in rows} for month in months}


def is_equal(told: Any, published: Any) -> bool:
    """Amounts and counts exactly, what is a DOUBLE to nine digits."""
    if isinstance(published, float) and told is not None:
        return float(told) == pytest.approx(published, rel=1e-9, abs=1e-12)
    if isinstance(published, Decimal):
        return told == Fraction(published)
    return told == published and isinstance(told, bool) == isinstance(published, bool)


def wrong(told: dict[str, str], published: Row) -> list[str]:
    """The cells of a row in which page and warehouse differ."""
    return [
        f"{name}: the page says {cell}, published is {published[name]}"
        for name, cell in told.items()
        if not is_equal(value(cell), published[name])
    ]


def published(played: Warehouse, query: str) -> list[Row]:
    """The rows of a mart, each by the names of its columns."""
    name = query.split()[0]
    columns = "select column_name from information_schema.columns where table_schema = 'marts' and table_name = ?"
    names = [column for (column,) in played.rows(f"{columns} order by ordinal_position", name)]
    return [dict(zip(names, row, strict=True)) for row in played.rows(f"from marts.{query}")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worked_example")
    (config,) = blocks("yaml").values()
    (folder / "pipeline.yml").write_text(config, encoding="utf-8")
    landing = folder / "landing" / "example"
    landing.mkdir(parents=True)
    for name, text in blocks("csv").items():
        (landing / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def played(folder: Path, nightly: Callable[..., Warehouse]) -> Warehouse:
    warehouse = nightly(folder / "warehouse", folder / "pipeline.yml", folder / "landing")
    assert warehouse.status == 0, warehouse.output
    return warehouse


@pytest.mark.parametrize("query", MONTH_BY_MONTH)
def test_month_by_month(played: Warehouse, query: str) -> None:
    """Every month and every column is in the page."""
    told = by_month(MONTH_BY_MONTH[query])
    rows = {row["month"]: row for row in published(played, query)}
    assert rows.keys() == told.keys()
    assert {month: wrong(told[month], rows[month]) for month in told} == {month: [] for month in told}
    columns = {name for name in rows[min(rows)] if not NOT_IN_THE_PAGE.fullmatch(name)}
    assert columns - {"month", "grain", "grain_value", "is_complete_month"} <= told[min(told)].keys()


@pytest.mark.parametrize("query", LISTED)
def test_row_by_row(played: Warehouse, query: str) -> None:
    heading, key = LISTED[query]
    told = {tuple(value(row[name]) for name in key): row for row in one_by_one(table(heading, key), key[-1])}
    rows = {tuple(row[name] for name in key): row for row in published(played, query)}
    assert {one: wrong(row, rows[one]) for one, row in told.items()} == {one: [] for one in told}
    if "grain" in key:
        return
    columns = {name for name in next(iter(rows.values())) if not NOT_IN_THE_PAGE.fullmatch(name)}
    assert columns - {"is_complete_month"} == next(iter(told.values())).keys()
    figures = columns - {"is_complete_month", *key}
    assert [one for one in rows if one not in told and any(rows[one][name] for name in figures)] == []


def test_every_edge_is_shown_by_a_cell() -> None:
    monthly, moved = by_month("By month"), by_month("What moved")
    for edge in table("Where each edge is shown", ["edge"]):
        month = value(edge["month"])
        shown = monthly[month] if edge["column"] in monthly[month] else moved[month]
        assert shown[edge["column"]] == edge["cell"], edge["edge"]


def test_the_ten_deals_in_plain_python(played: Warehouse, folder: Path) -> None:
    expected = compute(folder / "pipeline.yml", folder / "landing")
    assert compare.differences(expected, played.path / "pipeline.duckdb") == []
