"""The three examples on real extracts give the figures that the extracts' own description states."""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime

import pytest

from tests.conftest import REAL_EXTRACTS, Warehouse

Example = Callable[[str], Warehouse]


def statuses(warehouse: Warehouse) -> dict[str, int]:
    return dict(warehouse.rows("select status, count(*) from marts.fct_deals group by status"))


def test_pipedrive_deals(example: Example) -> None:
    assert statuses(example("pipedrive")) == {"won": 1080, "lost": 915}


def test_pipedrive_transitions_are_all_logged_those_after_the_first_close_included(example: Example) -> None:
    rows = example("pipedrive").rows(
        "select to_stage = 'Lost', evidence, count(*) from marts.fct_stage_transitions group by all order by 1"
    )
    assert rows == [(False, "logged", 8904), (True, "logged", 1999)]


def test_pipedrive_activities(example: Example) -> None:
    pipedrive = example("pipedrive")
    assert pipedrive.value("select count(*) from marts.fct_activities") == 4568
    assert pipedrive.value("select count(*) from quality.hygiene_violations where rule = 'orphan_activity'") == 4560


def test_salesforce_deals_and_leads(example: Example) -> None:
    salesforce = example("salesforce")
    assert statuses(salesforce) == {"won": 12, "lost": 8, "open": 16}
    assert salesforce.rows("select count(*), count(*) filter (where is_converted) from marts.fct_leads") == [(22, 5)]


def test_salesforce_closed_before_created_lists_every_such_deal(example: Example) -> None:
    salesforce = example("salesforce")
    with (REAL_EXTRACTS / "salesforce" / "Opportunity.csv").open(encoding="utf-8-sig", newline="") as file:
        expected = {
            f"salesforce:{row['Id']}"
            for row in csv.DictReader(file)
            if row["IsClosed"] == "TRUE" and day(row["CloseDate"], "%m/%d/%y") < day(row["CreatedDate"], "%m/%d/%y")
        }
    found = salesforce.rows("select record_key from quality.hygiene_violations where rule = 'closed_before_created'")
    assert {key for (key,) in found} == expected
    assert expected


def test_maven_deals(example: Example) -> None:
    maven = example("maven")
    assert statuses(maven) == {"won": 4238, "lost": 2473, "open": 2089}
    win_rate, amount, days = maven.rows(
        "select count(*) filter (where status = 'won') / count(*) filter (where status != 'open'), "
        "avg(amount) filter (where status = 'won'), avg(sales_cycle_days) from marts.fct_deals"
    )[0]
    assert win_rate * 100 == pytest.approx(63.15, abs=0.005)
    assert amount == pytest.approx(2360.91, abs=0.005)
    assert days == pytest.approx(51.78, abs=0.005)


def test_maven_every_month_equals_a_count_over_the_file(example: Example) -> None:
    maven = example("maven")
    created: Counter[date] = Counter()
    closed: Counter[tuple[date, str]] = Counter()
    with (REAL_EXTRACTS / "maven" / "sales_pipeline.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            # without an engage date a deal is created, as far as anyone knows, on the day of the extract
            began = row["engage_date"] or "31-01-18"
            created[day(began, "%d-%m-%y").replace(day=1)] += 1
            if row["close_date"]:
                closed[day(row["close_date"], "%d-%m-%y").replace(day=1), row["deal_stage"]] += 1
    rows = maven.rows(
        "select month, opportunities_created, deals_won, deals_lost from marts.mart_monthly_metrics "
        "where grain = 'all' order by month"
    )
    assert rows == [(m, created[m], closed[m, "Won"], closed[m, "Lost"]) for m, *_ in rows]
    assert sum(count for _, count, _, _ in rows) == sum(created.values()) == 8800


def day(text: str, form: str) -> date:
    return datetime.strptime(text, form).date()
