"""What `dealtrail try` answers itself where a draft leaves something open, and what is said of deals without an id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dagster_project.config.feeds import Feed
from dagster_project.draft.command import Attempt, draft_source, drafting
from dagster_project.draft.moments import newest_moment
from dagster_project.draft.settle import settle
from dagster_project.draft.write import written
from tests.unit.delivering import delimited, xlsx

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@contextmanager
def settled(folder: Path, **files: str | bytes) -> Iterator[Attempt]:
    """A draft of these files (`__` stands for the dot) with nothing left open."""
    paths = []
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    with drafting(paths) as attempt:
        settle(attempt)
        yield attempt


def feed(attempt: Attempt) -> Feed:
    return attempt.source().feeds["deals"]


def table(*columns: Sequence[str]) -> str:
    """Deals with these columns, the first cell of each its heading, beside an id and a stage."""
    count = len(columns[0]) - 1
    rows = [["Deal ID", "Stage"], *([str(at), "Won" if at % 3 else "New"] for at in range(count))]
    return delimited([[*row, *(column[at] for column in columns)] for at, row in enumerate(rows)])


# ------------------------------------------------------------------ what nobody but the user can know


@pytest.mark.parametrize(
    ("created", "beside", "formats"),
    [
        # another column proves the order; dollars are American; points are not
        (["3/4/2025", "5/6/2025"], ["Close Date", "3/14/2025", "4/4/2025"], ["%m/%d/%Y"]),
        (["3/4/2025", "5/6/2025"], ["Close Date", "14/3/2025", "4/4/2025"], ["%d/%m/%Y"]),
        (["3/4/2025", "5/6/2025"], ["Amount", "$5", "$6"], ["%m/%d/%Y"]),
        (["3/4/2025", "5/6/2025"], ["Amount", "€5", "€6"], ["%d/%m/%Y"]),
        (["3.4.2025", "5.6.2025"], ["Amount", "$5", "$6"], ["%d.%m.%Y"]),
        # of dates that contradict each other the order that reads most
        (["3/14/2025", "5/16/2025", "14/5/2025"], ["Amount", "€5", "€6", "€7"], ["%m/%d/%Y"]),
    ],
)
def test_dates_that_nothing_proves(tmp_path: Path, created: list[str], beside: list[str], formats: list[str]) -> None:
    with settled(tmp_path, deals__csv=table(["Created", *created], beside)) as attempt:
        assert feed(attempt).date_formats == formats
        assert not attempt.draft.trials["deals"].doubts
        assert "# assumed: " in written(attempt.draft)


@pytest.mark.parametrize(
    ("amounts", "sign"),
    [(["4,000", "12,500"], "."), (["4.000", "12.500"], ","), (["4.000,5", "12,500.5", "7,25"], ",")],
)
def test_amounts_that_nothing_proves_are_read_as_money(tmp_path: Path, amounts: list[str], sign: str) -> None:
    with settled(tmp_path, deals__csv=table(["Amount", *amounts])) as attempt:
        assert feed(attempt).decimal_separator == sign


def test_a_column_that_is_mostly_unreadable_is_left_out(tmp_path: Path) -> None:
    dates = ["Created", "2025-01-02", "soon", "later", "spring", "2025-01-05"]
    headings = "Deal ID,Stage,Created\n"
    rows = "".join(f"{at},Won,{day}\n" for at, day in enumerate(dates[1:]))
    with settled(tmp_path, deals__csv=headings + rows) as attempt:
        assert "created_at" not in feed(attempt).columns
        assert not attempt.draft.trials["deals"].refusals


def test_many_rows_that_cannot_be_used_are_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{at if at % 5 else ''},New,{at}\n" for at in range(40))
    with settled(tmp_path, deals__csv=f"Deal ID,Stage,Amount\n{rows}") as attempt:
        assert "thresholds: {max_quarantine_share: 1}" in written(attempt.draft)


@pytest.mark.parametrize(
    ("heading", "cell", "currency"),
    [("Amount", "$5", "USD"), ("Сумма, руб.", "5", "RUB"), ("Wert (CHF)", "5", "CHF"), ("Amount", "£5", "GBP")],
)
def test_the_currency_of_a_heading_or_a_cell(tmp_path: Path, heading: str, cell: str, currency: str) -> None:
    with settled(tmp_path, deals__csv=table([heading, cell, cell])) as attempt:
        assert attempt.source().currency == currency


def test_nothing_is_left_to_do(tmp_path: Path) -> None:
    with settled(tmp_path, deals__csv=table(["Amount", "5", "6"])) as attempt:
        text = written(attempt.draft)
        assert "TODO" not in text and "check: " not in text


# ------------------------------------------------------------------ the newest moment


@pytest.mark.parametrize(
    ("columns", "newest"),
    [
        # a day counts to its end; when an open deal should close has not happened; the future is not over
        ([["Created", "2025-01-02", "2025-03-04", "2025-02-01"]], "2025-03-04 23:59:59"),
        ([["Created", "2025-01-02 10:00", "2025-03-04 11:30", "2025-02-01 00:00"]], "2025-03-04 11:30:00"),
        ([["Close Date", "2025-09-01", "2025-03-04", "2025-04-01"]], "2025-04-01 23:59:59"),
        ([["Created", "2025-01-02", "2027-01-01", "2025-02-01"]], "2025-02-01 23:59:59"),
        ([["Created", "2026-03-01", "2025-03-04", "2025-02-01"]], "2026-03-01 12:00:00"),
        ([["Created", "1/2/2025", "3/14/2025", "2/1/2025"]], "2025-03-14 23:59:59"),
        ([["Amount", "5", "6", "7"]], None),
    ],
)
def test_the_newest_moment(tmp_path: Path, columns: list[list[str]], newest: str | None) -> None:
    # deal 0 is open, 1 and 2 are won
    with settled(tmp_path, deals__csv=table(*columns)) as attempt:
        found = newest_moment(attempt, ZoneInfo("UTC"), NOW)
        assert (found and f"{found:%Y-%m-%d %H:%M:%S}") == newest


# ------------------------------------------------------------------ deals without an id


def test_the_fewest_columns_that_tell_deals_apart(tmp_path: Path) -> None:
    rows = [
        ["Acme", "New", "2025-01-02", "Ann"],
        ["Acme", "Won", "2025-01-03", "Ann"],
        ["Bolt", "Won", "2025-01-02", "Bo"],
    ]
    path = tmp_path / "deals.csv"
    path.write_text(delimited([["Deal", "Stage", "Created", "Owner"], *rows]))
    drafted = draft_source([path])
    assert "derive: [Deal, Created]" in drafted.text
    assert "no two rows share them; an edited cell of these is a new deal" in drafted.text
    assert drafted.left == []


def test_what_is_no_id_by_its_heading_or_its_values(tmp_path: Path) -> None:
    names = [f"Deal {at if at != 7 else 6}" for at in range(40)]
    path = tmp_path / "deals.csv"
    path.write_text(
        delimited([["Deal", "Stage", "Amount"], *([name, "Won", str(at)] for at, name in enumerate(names))])
    )
    assert "derive: [Deal, Amount]" in draft_source([path]).text


def test_how_many_rows_share_what_tells_apart_best(tmp_path: Path) -> None:
    rows = [["Acme", "New", "Ann"], ["Acme", "Won", "Ann"], ["Bolt", "Won", "Bo"]]
    path = tmp_path / "deals.csv"
    path.write_text(delimited([["Deal", "Stage", "Owner"], *rows]))
    assert "2 of 3 rows share them, and of those that do the last counts" in draft_source([path]).text


# ------------------------------------------------------------------ where the headings are, and how they are written


def test_titles_above_the_headings_of_a_text(tmp_path: Path) -> None:
    text = "Sales pipeline,,\nas of June,,\n,,\n" + table(["Amount", "5", "6"])
    with settled(tmp_path, deals__csv=text) as attempt:
        assert attempt.draft.trials["deals"].loaded == 2


def test_totals_are_in_no_figure(tmp_path: Path) -> None:
    sheet = [["Deal ID", "Stage", "Amount"], ["1", "New", "5"], ["2", "Won", "7"], ["Total", "", "12"]]
    for name, content in (("deals.csv", delimited(sheet).encode()), ("deals.xlsx", xlsx({"S": sheet}))):
        path = tmp_path / name
        path.write_bytes(content)
        assert draft_source([path]).figures[0] == "2 deals by stage: New 1, Won 1"


@pytest.mark.parametrize(
    ("code_page", "row"),
    [("cp1251", "Ёлкин и сын;Успешно реализовано;5"), ("koi8_r", "Ёлкин и сын;Успешно реализовано;5")],
)
def test_cyrillic_code_pages(tmp_path: Path, code_page: str, row: str) -> None:
    rows = "".join(f"{at};{row}\n" for at in range(20))
    with settled(tmp_path, deals__csv=f"№ сделки;Клиент;Этап;Сумма\n{rows}".encode(code_page, "replace")) as attempt:
        assert feed(attempt).encoding == code_page
        assert next(iter(attempt.draft.pipelines["default"])).canonical == "won"
