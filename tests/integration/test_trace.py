"""From a published figure to its records, and from a deal to its rows: what is listed gives what is published."""

from __future__ import annotations

import json
import random
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dagster_project.config.load import load_settings
from dagster_project.config.metrics import metrics
from dagster_project.errors import ConfigurationError
from dagster_project.publish.deals.lives import Life, lives
from dagster_project.publish.deals.worst import PAGES
from dagster_project.published import opened
from dagster_project.run.versions import as_of_version, current_version
from dagster_project.trace import deal, metric, stages
from dagster_project.trace.figures import text
from dagster_project.trace.parts import metric_parts, said
from tests.conftest import DEALTRAIL, PROJECT, Warehouse, environment

#: Of a stage, what the curve of visits gives that have not all ended.
CURVES = {"days_in_stage_km_median", "days_in_stage_km_p90"}


def test_every_metric_of_months_and_stages_is_traced() -> None:
    assert set(metric.traceable()) == {one.name for one in metrics(metric.MART)}
    assert set(stages.traceable()) == {one.name for one in metrics(stages.MART)} - CURVES


def test_the_parts_are_those_that_the_metrics_say() -> None:
    """The columns of the mart are the metric's one home."""
    of_mart = {one.name: one for one in metrics(metric.MART)}
    for name, (numerator, denominator) in said("metric_quotients").items():
        one = of_mart[name]
        if one.numerator is not None and "*" not in one.numerator:
            assert (one.numerator, one.denominator) == (numerator, denominator), name
    sums = {name for name in metric_parts() if name in of_mart}
    # deals worked in several months are added up within one alone, and spend only where every row has the attribute
    assert {name for name in sums if of_mart[name].adds_up != "always"} == {"deals_worked", "spend"}


def test_two_hundred_published_figures_are_what_their_records_give(sample: Warehouse) -> None:
    names = metric.traceable()
    with opened(sample.path / "pipeline.duckdb") as connection:
        cells = connection.execute(
            "select month, grain, grain_value from marts.mart_monthly_metrics order by all"
        ).fetchall()
        chosen = random.Random(19).sample([(name, *cell) for name in names for cell in cells], 200)
        # chance finds many that are 0: some of each metric are of everything
        chosen += [(name, date(2025, month, 1), "all", "all") for name in names for month in (3, 11)]
        filled = 0
        for name, month, grain, value in chosen:
            traced = metric.trace(connection, name, month, grain, value)
            filled += bool(traced.published)
            if traced.published is None:
                assert traced.computed is None, traced
            else:
                assert traced.computed == pytest.approx(traced.published, rel=1e-9, abs=1e-9), (
                    name,
                    month,
                    grain,
                    value,
                )
    assert filled > 100


def test_two_hundred_figures_of_stages_are_what_their_visits_give(sample: Warehouse) -> None:
    with opened(sample.path / "pipeline.duckdb") as connection:
        cells = connection.execute(
            "select distinct date_trunc('month', entered_on), stage_key from marts.fct_stage_visits order by all"
        ).fetchall()
        chosen = random.Random(19).sample([(name, *cell) for name in stages.traceable() for cell in cells], 200)
        filled = 0
        for name, month, stage_key in chosen:
            traced = metric.trace(connection, name, month, "stage", stage_key)
            filled += bool(traced.published)
            assert traced.computed == (None if traced.published is None else pytest.approx(traced.published)), traced
    assert filled > 100


def test_a_customers_lifetime_value_lists_the_customers(sample: Warehouse) -> None:
    with opened(sample.path / "pipeline.duckdb") as connection:
        (month,) = connection.execute(
            "select max(month) from marts.mart_monthly_metrics where grain = 'all' and clv is not null"
        ).fetchone() or (None,)
        traced = metric.trace(connection, "clv", month, "all", None)
        (paid,) = connection.execute(
            "select count(distinct account_key) from marts.fct_customer_months where revenue_reporting != 0 "
            f"and month between date '{month}' - interval 11 month and date '{month}'"
        ).fetchone() or (0,)
    assert traced.published and traced.computed == pytest.approx(traced.published, rel=1e-9)
    of_revenue = [one for one in traced.records if one.part == "revenue"]
    assert len(of_revenue) == paid > 10 and all(one.name for one in of_revenue)
    assert {one.part for one in traced.records} == {
        *("revenue", "active_customer_months", "active_months_before", "churned_customers"),
    }


def test_a_part_lists_its_records_with_their_names(sample: Warehouse) -> None:
    with opened(sample.path / "pipeline.duckdb") as connection:
        traced = metric.trace(connection, "win_rate", date(2025, 11, 1), "all", None)
        won = connection.execute(
            "select deal_key from marts.fct_deals "
            "where status = 'won' and date_trunc('month', closed_on) = '2025-11-01'"
        ).fetchall()
    assert {one.record_key for one in traced.records if one.part == "deals_won"} == {key for (key,) in won}
    lines = list(text(traced))
    assert lines[0].startswith("win_rate, 2025-11, all: 0.") and lines[0].endswith("deals_won ÷ deals_won + deals_lost")
    assert any(line.startswith(f"    {won[0][0]}  ") for line in lines)


@pytest.mark.parametrize(
    ("name", "month", "grain", "value", "says"),
    [
        ("win_rat", date(2025, 11, 1), "all", None, "did you mean win_rate"),
        ("win_rate", date(1999, 1, 1), "all", None, "--month: 1999-01 is not published"),
        ("win_rate", date(2025, 11, 1), "team", None, "--grain: there is no grain 'team'"),
        ("win_rate", date(2025, 11, 1), "source", "boreal_pipedriv", "did you mean 'boreal_pipedrive'"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    sample: Warehouse, name: str, month: date, grain: str, value: str | None, says: str
) -> None:
    with opened(sample.path / "pipeline.duckdb") as connection, pytest.raises(ConfigurationError, match=says):
        metric.trace(connection, name, month, grain, value)


def life(sample: Warehouse, key: str) -> Life:
    settings = load_settings({"WAREHOUSE_DIR": str(sample.path)})
    version = current_version(sample.path)
    assert version is not None
    with opened(sample.path / "pipeline.duckdb") as connection:
        return deal.life(connection, settings, key, as_of_version(version))


def test_a_deal_is_told_with_the_row_and_the_text_of_each_value(sample: Warehouse) -> None:
    told = life(sample, "boreal_pipedrive:1572")
    amount = next(one for one in told.values if one.column == "amount")
    assert (amount.text, amount.canonical, amount.file) == ("11500", "amount", "2025-12-31/deals-2968486-7.csv.gz")
    assert (amount.read_as, str(amount.extracted_at)) == ("a plain number", "2025-12-30 22:00:00")
    rows = [row for row in told.rows if row.entity == "deals"]
    # the second delivery says what the first one said
    assert [(row.state, row.says["status"], row.again) for row in rows] == [
        ("superseded", "Lost", 1),
        ("current", "Open", 0),
    ]
    assert [one["direction"] for one in told.transitions] == ["created", "lost", "reopened", "lost", "reopened"]
    assert {row.entity for row in told.rows} == {"deals", "deal_changes"}


def test_what_proves_a_reading_is_told(sample: Warehouse) -> None:
    """A spreadsheet's dates, a local time, and a closing moment that the log tells (tests/unit: what a file proves)."""
    ((sheet,),) = sample.rows(
        "select min(deal_key) from marts.fct_deals where source = 'field_sheet' and created_on > '2025-01-01'"
    )
    values = {one.column: one for one in life(sample, sheet).values}
    assert values["amount"].read_as == "a plain number"
    assert values["created_on"].read_as == "%d.%m.%Y or %d.%m.%Y %H:%M, as date_formats says, or ISO 8601"
    ((closed,),) = sample.rows(
        "select min(deal_key) from marts.fct_deals where source = 'boreal_pipedrive' and status = 'won'"
    )
    values = {one.column: one for one in life(sample, closed).values}
    assert (values["closed_on"].text, values["closed_on"].given_by) == (None, "its history (logged)")
    assert values["created_at"].read_as == "ISO 8601, a local time of Europe/Helsinki"


def test_every_rule_is_told_whatever_it_is_about(sample: Warehouse) -> None:
    """Of the deal, of its transitions, of a cell of its row."""
    for rule, key in sample.rows(
        """
        select rule, min(coalesce(transitions.deal_key, deals.deal_key)) from quality.hygiene_violations as broken
        left join marts.fct_stage_transitions as transitions on broken.record_key = transitions.transition_key
        left join marts.fct_deals as deals
            on broken.record_key = deals.deal_key
            or starts_with(broken.record_key, concat(deals.source, ':deals:', deals.deal_id, ':'))
        where rule in ('regressed', 'unparseable_value', 'past_close_date')
          and broken.entity in ('deals', 'transitions')
        group by rule
        """
    ):
        assert rule in {one["rule"] for one in life(sample, key).violations}, key


def test_many_lives_at_once_are_those_of_each(sample: Warehouse) -> None:
    settings = load_settings({"WAREHOUSE_DIR": str(sample.path)})
    keys = [key for (key,) in sample.rows("select deal_key from marts.fct_deals order by hash(deal_key) limit 12")]
    version = current_version(sample.path)
    assert version is not None
    with opened(sample.path / "pipeline.duckdb") as connection:
        many = lives(connection, settings.config, sample.path / "lake", keys, as_of_version(version))
    assert [one.deal_key for one in many] == keys
    assert many == [life(sample, key) for key in keys]


def test_the_worst_deals_have_a_page_each(sample: Warehouse) -> None:
    """Which lead nowhere but to the report and the CRM; the report names them all."""
    folder = sample.path / "report" / "deals"
    pages = sorted(folder.glob("*.html"))
    assert len(pages) == PAGES
    data = (sample.path / "report" / "index.html").read_text(encoding="utf-8")
    carried = json.loads(data.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    assert sorted(carried["about"]["deal_pages"].values()) == sorted(f"deals/{page.name}" for page in pages)
    worst = sample.rows(
        "select record_key from quality.worklists where entity = 'deals' "
        "and record_key in (select deal_key from marts.fct_deals) "
        "order by severity = 'critical' desc, amount_at_stake desc nulls last, record_key limit 60"
    )
    assert {key for (key,) in worst} <= carried["about"]["deal_pages"].keys()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "default-src 'none'" in text and "<script" not in text
        links = re.findall(r'(?:href|src)="([^"]*)"', text)
        assert {link.split("/")[0] for link in links} <= {"data:,", "..", "https:"}


def test_rows_are_numbered_as_the_quality_tables_number_them(sample: Warehouse) -> None:
    """Of a violation that names file and row, and behind rows that the parser rejected."""
    ((key,),) = sample.rows(
        "select record_key from quality.hygiene_violations where rule = 'won_without_amount' order by 1 limit 1"
    )
    told = life(sample, key)
    assert any(one["rule"] == "won_without_amount" for one in told.violations)
    assert all(row.row_number >= 2 for row in told.rows)
    assert any("won_without_amount (warning), since 2026-01-01, open: " in line for line in deal.text(told))


def test_the_commands_say_it_as_text_as_json_and_as_a_page(sample: Warehouse, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(DEALTRAIL), *arguments],
            cwd=PROJECT,
            env=environment(WAREHOUSE_DIR=sample.path),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    traced: dict[str, Any] = json.loads(run("trace", "deals_won", "--month", "2025-11", "--json").stdout)
    assert traced["published"] == traced["computed"] == len(traced["records"])
    page = tmp_path / "deal.html"
    written = run("trace", "deal", "1572", "--html", str(page))
    assert written.returncode == 0 and written.stdout == f"boreal_pipedrive:1572: {page}\n"
    assert '<h1 dir="auto">Merkur Energy AS - Line sensors</h1>' in page.read_text(encoding="utf-8")
    of_metric = run("trace", "deals_won", "--month", "2025-11", "--html", str(page))
    assert of_metric.returncode == 2 and "only of a deal there is a page" in of_metric.stderr
    told = run("trace", "deal", "boreal_pipedrive:1572")
    assert told.returncode == 0 and "reopened: Lost → Contact Made  (logged)" in told.stdout
    wrong = run("trace", "win_rate")
    assert wrong.returncode == 2 and "say the month, as --month 2025-11" in wrong.stderr
    early = run("explain", "--since", "2020-01-01")
    assert early.returncode == 2 and "published nights: 2026-01-01" in early.stderr
