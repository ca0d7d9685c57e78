"""Every number on the report equals the mart: the page's tables are read, and computed a second time in SQL."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from dagster_project.publish.report.queries import LISTED
from tests.browser.report import Report
from tests.conftest import Warehouse

#: What is chosen → its condition on rows with source and pipeline, and its grain in mart_monthly_metrics.
CHOICES: dict[str, tuple[dict[str, str], str, str, str]] = {
    "all": ({}, "true", "all", "all"),
    "source": ({"source": "acme_salesforce"}, "source = 'acme_salesforce'", "source", "acme_salesforce"),
    "pipeline": (
        {"pipeline": "boreal_pipedrive: Pipeline"},
        "source = 'boreal_pipedrive' and pipeline = 'Pipeline'",
        "pipeline",
        "boreal_pipedrive:Pipeline",
    ),
    "owner": (
        {"owner": "Rosa Laine (boreal_pipedrive)"},
        "source = 'boreal_pipedrive'",
        "owner",
        "boreal_pipedrive:Rosa Laine",
    ),
    "four months": ({"from": "Sep 2025", "to": "Dec 2025"}, "true", "all", "all"),
}
PERIODS = {"four months": ("2025-09-01", "2025-12-01")}
#: The default: twelve complete months and the one that is not over.
YEAR = ("2025-01-01", "2026-01-01")

_MOVES = [
    f"{move}_{what}"
    for what in ("amount", "deals")
    for move in ("opening", "created", "reopened", "increased", "decreased", "won", "lost", "deleted", "closing")
]

_QUARTER_MOVES = [f"{move}_{what}" for what in ("amount", "deals") for move in ("pulled_in", "pushed_out", "merged")]
_BY_OWNER = ("goals", "funnel-deals", "time-in-stage", "flow")
#: Of open deals, whatever they are grouped by.
_OPEN = (
    "count(*) as open_deals, sum(amount_reporting) as open_amount, "
    "count(*) filter (amount_reporting is null) as without_amount, count(reasons) as with_reasons, "
    "count(p_won) as with_odds, round(sum(amount_reporting * p_won), 2) as expected_amount"
)

#: Table of the page → the same from the published tables. {place}: the chosen source and pipeline; {period}: months;
#: {source}: the chosen source; {owner}: the chosen owner.
SAME: dict[str, str] = {
    "trend": (
        "select month, is_complete_month, deals_won, deals_lost, win_rate, opportunity_win_rate, deals_worked, "
        "avg_deal_size, sales_cycle_days, pipeline_velocity_per_day from marts.mart_monthly_metrics "
        "where grain = '{grain}' and grain_value = '{value}' and {period}"
    ),
    "goals": (
        "select source, pipeline, stage, goal, target, actual, attainment, is_more_better, "
        "coalesce(if(is_more_better, actual >= target, actual <= target), false) as reached "
        "from marts.mart_goals where month = '2025-12-01' and period = 'month' and pipeline is not null and {place}"
    ),
    "funnel-deals": (
        "select step, sum(created) as created, sum(reached) as reached, "
        "sum(reached) / nullif(lag(sum(reached)) over (order by step_order), 0) as conversion, "
        "sum(dropped) as dropped, sum(ended) as ended, sum(dropped) / nullif(sum(ended), 0) as drop_off_rate "
        "from marts.mart_funnel where entity = 'deals' and {place} and {period} group by step, step_order"
    ),
    "funnel-leads": (
        "select source, step, sum(created) as created, sum(reached) as reached, sum(dropped) as dropped, "
        "sum(ended) as ended, sum(dropped) / nullif(sum(ended), 0) as drop_off_rate "
        "from marts.mart_funnel where entity = 'leads' and {source} and {period} group by source, step, step_order"
    ),
    "time-in-stage": (
        "select source, pipeline, stage, stage_order, visits, open, days_in_stage_km_median, "
        "days_in_stage_km_median_low, days_in_stage_km_median_high, days_in_stage_km_p90, days_in_stage_median, "
        "days_in_stage_mean from marts.mart_time_in_stage where {place}"
    ),
    "movements": (
        f"select month, {', '.join(f'sum({move}) as {move}' for move in _MOVES)} "
        "from marts.mart_pipeline_movements where {place} and {period} group by month"
    ),
    "flow": (
        "select source, pipeline, from_stage, to_stage, sum(transitions) as transitions, sum(amount) as amount, "
        "if(count(*) = 1, any_value(days_median), null) as days_median, "
        "coalesce(bool_and(is_on_path), true) as on_path "
        "from marts.mart_stage_flow where {place} and {period} group by source, pipeline, from_stage, to_stage"
    ),
    "forecast": (
        "select source, pipeline, month, open_deals, open_amount, expected_deals, expected_amount, low_amount, "
        "high_amount, won_so_far_amount, crm_amount from marts.mart_forecast where {place}"
    ),
    "backtest": (
        "select source, pipeline, forecast_on, month, months_ahead, expected_amount, low_amount, high_amount, "
        "actual_amount, error, is_within_interval from marts.mart_forecast_backtest where {place} and {period}"
    ),
    "backtest-summary": """
        with known as (
            select * from marts.mart_forecast_backtest where expected_amount is not null and {place} and {period}
        )
        select
            months_ahead, count(*) as forecasts, avg(is_within_interval::int) as within,
            sum(abs(error)) / nullif(sum(actual_amount), 0) as error, sum(error) / nullif(sum(actual_amount), 0) as bias
        """
    + "".join(
        f"""
            , count({naive}) as {naive}_n,
            sum(abs(error)) filter ({naive} is not null) / nullif(sum(actual_amount) filter ({naive} is not null), 0)
                as {naive}_ours,
            sum(abs({naive} - actual_amount)) / nullif(sum(actual_amount) filter ({naive} is not null), 0) as {naive}
        """
        for naive in ("trailing_mean_amount", "last_year_amount", "crm_amount")
    )
    + "from known group by months_ahead having count(*) >= 10",
    # the total is shown where there are several to add up
    "forecast-total": (
        "select month, sum(open_deals) as open_deals, sum(open_amount) as open_amount, "
        "round(sum(expected_deals), 2) as expected_deals, round(sum(expected_amount), 2) as expected_amount, "
        "sum(won_so_far_amount) as won_so_far_amount, round(sum(crm_amount), 2) as crm_amount "
        "from marts.mart_forecast where {place} group by month having count(*) > 1"
    ),
    "open-stages": (
        f"select source, pipeline, stage, {_OPEN} from marts.mart_deal_outlook "
        "where {place} and {owner} group by source, pipeline, stage"
    ),
    "open-owners": (
        "select coalesce(any_value(owner_name), split_part(owner_key, ':', 2), '(unassigned)') as owner, "
        f"any_value(outlook.source) as source, {_OPEN} from marts.mart_deal_outlook as outlook "
        "left join marts.dim_owners using (owner_key) where {outlook_place} and {owner} "
        "group by owner_key, outlook.source"
    ),
    "do-this-morning": """
        with open_deals as (
            select *, coalesce(p_won, crm_probability, 0.5) as odds from marts.mart_deal_outlook
            where {place} and {owner}
        )
        select
            deal_key, amount_reporting as amount, stage, expected_close_on, round(p_won, 4) as p_won,
            compared_deals,
            floor(days_in_stage) as days_in_stage, left(reasons, 320) as reasons
        from open_deals where reasons is not null
        order by amount_reporting * (odds - odds * odds) desc nulls last, reason_count desc, deal_key limit 10
    """,
    "quarters": (
        "select concat(fiscal_year, '-Q', fiscal_quarter) as name, target, won_amount, won_deals, gap, "
        "open_due_amount, coverage, if(is_complete_quarter, null, outlook_amount) as outlook_amount, "
        "if(is_complete_quarter, null, outlook_low) as outlook_low, "
        "if(is_complete_quarter, null, outlook_high) as outlook_high, needed_amount "
        "from marts.mart_quarter_outlook where grain = '{grain}' and grain_value = '{value}'"
    ),
    "pacing": " union all ".join(
        f"select concat(year(began), '-Q', quarter(began), '{said}') as name, won_amount{past} as won_amount, "
        f"open_due_amount{past} as open_due_amount from (select *, quarter_start - interval {3 * back} month as began "
        "from marts.mart_quarter_outlook "
        "where not is_complete_quarter and grain = '{grain}' and grain_value = '{value}')"
        for back, past, said in ((0, "", ", now"), *((back, f"_q{back}", "") for back in range(1, 5)))
    ),
    "quarter-movements": (
        "select concat(fiscal_year, '-Q', fiscal_quarter) as name, has_expected_close, "
        f"{', '.join(f'sum({move}) as {move}' for move in [*_MOVES, *_QUARTER_MOVES])} "
        "from marts.mart_quarter_movements where {place} group by fiscal_year, fiscal_quarter, has_expected_close"
    ),
    "quarter-owners": (
        "select coalesce(owner_name, '(unassigned)') as name, target, won_amount, open_due_amount, outlook_amount, "
        "gap, needed_amount from marts.mart_quarter_outlook left join marts.dim_owners on owner_key = grain_value "
        "where grain = 'owner' and not is_complete_quarter "
        "and (grain_value in ({owners}) or ('{grain}' = 'all' and grain_value is null))"
    ),
    "quarter-teams": (
        "select coalesce(grain_value, '(no team)') as name, target, won_amount, open_due_amount, outlook_amount, gap, "
        "needed_amount from marts.mart_quarter_outlook where '{grain}' = 'all' and grain = 'team' "
        "and not is_complete_quarter"
    ),
    "changed-deals": """
        with told as (
            select
                deal_key, transitioned_at as moment, from_stage as before, to_stage as after,
                map {{'created': 'created', 'reopened': 'opened again', 'won': 'won', 'lost': 'lost',
                    'advanced': 'moved on', 'skipped': 'moved on', 'regressed': 'moved back'}}[direction] as change
            from marts.fct_stage_transitions
            union all
            select deal_key, changed_at, old_value, new_value, if(new_value > old_value, 'pushed later', 'pulled in')
            from marts.fct_deal_changes where field = 'expected_close_on' and old_value != new_value
            union all
            select deal_key, changed_at, old_value, new_value, 'with another amount'
            from marts.fct_deal_changes where field = 'amount'
        )
        -- as of the first hour of 2026 in Berlin, and from the eighth day before on
        select
            cast(moment at time zone 'UTC' at time zone 'Europe/Berlin' as date) as day, change, deal_key,
            arg_min(before, moment) as old_value, arg_max(after, moment) as new_value,
            any_value(amount_reporting) as amount
        from told inner join marts.fct_deals using (deal_key)
        where status != 'deleted' and moment between '2025-12-23 23:00' and '2026-01-01' and {place} and {owner}
        group by day, change, deal_key
    """,
    "scores": (
        "select date_day, sum(open_deals) as open_deals, sum(clean_deals) as clean_deals, "
        "sum(clean_deals) / sum(open_deals) as score, sum(open_amount) as open_amount, "
        "sum(clean_amount) as clean_amount, sum(clean_amount) / nullif(sum(open_amount), 0) as score_by_amount "
        "from quality.hygiene_scores where {place} and {owner} group by date_day"
    ),
    "rules": (
        "select rule, severity, count(*) as violations from quality.hygiene_violations "
        "where resolved_on is null and {place} and {owner} group by rule, severity"
    ),
    "owners": """
        with scored as (
            select owner_key, sum(clean_deals) / sum(open_deals) as score from quality.hygiene_scores
            where date_day = (select max(date_day) from quality.hygiene_scores) and {place} group by owner_key
        )
        select
            coalesce(any_value(owner_name), '(unassigned)') as owner_name, source, count(*) as records,
            sum(violations) as violations, sum(amount_at_stake) as amount_at_stake, any_value(score) as score
        from quality.worklists left join scored on scored.owner_key is not distinct from worklists.owner_key
        where {place} and {worklist_owner} group by worklists.owner_key, source
    """,
    "worst-records": (
        "select coalesce(owner_name, '(unassigned)') as owner_name, place, record_name, record_key, entity, "
        "amount_at_stake, severity, first_seen_on from quality.worklists where place <= 5 and {place} and {owner}"
    ),
    "deliveries": (
        "select source, feed, entity, max(extracted_at) filter (state = 'loaded') as loaded_extracted_at, "
        "count(distinct extracted_at) filter (state = 'loaded') as deliveries "
        "from quality.deliveries where {source} group by source, feed, entity"
    ),
    "balance": (
        "select source, feed, entity, count(*) as files, sum(rows_in_file) as rows_in_file, "
        "sum(rows_rejected) as rows_rejected, sum(rows_loaded) as rows_loaded, sum(rows_forgotten) as rows_forgotten, "
        "sum(current_rows) as current_rows, sum(superseded) as superseded, sum(quarantined) as quarantined, "
        "sum(balance) as balance from quality.row_accounting where {source} group by source, feed, entity"
    ),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_every_table_equals_the_published_ones(report: Report, sample: Warehouse, choice: str) -> None:
    filters, place, grain, value = CHOICES[choice]
    first, last = PERIODS.get(choice, YEAR)
    report.choose(**filters)
    words = {
        "place": place,
        "source": place.split(" and ")[0],
        "period": f"month between '{first}' and '{last}'",
        "grain": grain,
        "value": value,
        "owner": f"owner_key = '{value}'" if grain == "owner" else "true",
        "outlook_place": place.replace("source", "outlook.source"),
        "owners": f"'{value}'"
        if grain == "owner"
        # of an owner who has no figure in the last year nothing is shown
        else "select grain_value from marts.mart_monthly_metrics where grain = 'owner' and month > '2025-01-01' "
        f"and starts_with(grain_value, '{value if grain == 'source' else ''}') and '{grain}' != 'pipeline'",
        "worklist_owner": f"worklists.owner_key = '{value}'" if grain == "owner" else "true",
    }
    compared = 0
    for table, sql in SAME.items():
        wanted = _rows(sample, sql.format(**words))
        columns = list(wanted[0]) if wanted else []
        shown = [{column: row[column] for column in columns} for row in report.rows(table)] if wanted else []
        if table == "goals" and not wanted:
            continue  # a place without goals has no table of them
        if grain == "owner" and table in _BY_OWNER:
            continue  # these are shown of the owner: below, and in tests/integration/test_report.py
        assert wanted or not report.rows(table), table
        _assert_same(shown, wanted, table)
        compared += len(wanted)
    assert compared > 100


@pytest.mark.parametrize("choice", CHOICES)
def test_the_headline_is_the_last_complete_month_against_the_one_before(
    report: Report, sample: Warehouse, choice: str
) -> None:
    filters, place, grain, value = CHOICES[choice]
    report.choose(**filters)
    rows = {row["name"]: row for row in report.rows("headline")}
    metrics = _rows(
        sample,
        f"from marts.mart_monthly_metrics where grain = '{grain}' and grain_value = '{value}' "
        "and month in ('2025-12-01', '2025-11-01') order by month desc",
    )
    for name, row in rows.items():
        wanted = {"now": metrics[0].get(name), "before": metrics[1].get(name)}
        if name in ("closing_deals", "closing_amount") and grain != "owner":
            sums = _rows(
                sample,
                f"select sum({name}) as closing from marts.mart_pipeline_movements "
                f"where month in ('2025-12-01', '2025-11-01') and {place} group by month order by month desc",
            )
            wanted = {"now": sums[0]["closing"], "before": sums[1]["closing"]}
        _assert_same([{"now": row["now"], "before": row["before"]}], [wanted], name)
    assert list(rows) == list(LISTED)
    goals = {
        row["goal"]: row["target"]
        for row in _rows(
            sample,
            "from marts.mart_goals where month = '2025-12-01' and period = 'month' and pipeline is not null "
            f"and stage is null and {place}",
        )
    }
    shown = {name: row["goal"] for name, row in rows.items() if row["goal"] is not None}
    # the source has one pipeline, so its goals are those of what is shown; several pipelines have none in common
    assert shown == (goals if choice in ("source", "pipeline") else {})
    figure = report.page.locator(".tile .figure").first.inner_text()
    assert figure == f"{metrics[0]['deals_won']:,}"


def test_what_is_shown_is_the_number_behind_it(report: Report) -> None:
    seen = 0
    for table in report.tables():
        for value, text in report.numbers(table):
            seen += 1
            if value is None:
                assert text == "–", table
                continue
            bare = text.replace(",", "").replace(" %", "")
            unit = 100 if text.endswith("%") else 1
            digits = len(bare.partition(".")[2])
            most = 0 if digits == 0 and abs(value) >= 1000 else 2
            assert abs(float(bare) - value * unit) <= 0.5 * 10 ** -min(digits, most) + 1e-9, (table, value, text)
    assert seen > 2000


def test_the_waterfall_goes_from_opening_to_closing(report: Report, sample: Warehouse) -> None:
    labels = report.page.locator("#movements .chart").nth(1).locator("svg text").all_text_contents()
    first = sample.value("select sum(opening_deals) from marts.mart_pipeline_movements where month = '2025-01-01'")
    last = sample.value("select sum(closing_deals) from marts.mart_pipeline_movements where month = '2026-01-01'")
    assert {f"{first}", f"{last}", "opening", "won", "closing"} <= set(labels)


def test_the_sentences_tell_the_month_the_quarter_and_yesterday(report: Report, sample: Warehouse) -> None:
    month, quarter, changes = (line.replace("\xa0", " ") for line in report.page.locator(".line").all_inner_texts())
    assert month == (
        "Jan 2026, day 1 of 31: nothing won yet. Goal EUR 150k for 1 of 7 pipelines (Pipeline): EUR 0 won there, "
        "EUR 150k to go (0 %)."
    )
    goal = "goal = 'won_amount' and period = 'month' and month = '2026-01-01' and pipeline is not null"
    assert sample.value(f"select sum(target) from marts.mart_goals where {goal}") == 150_000
    running = "from marts.mart_quarter_outlook where not is_complete_quarter and"
    (whole,) = _rows(sample, f"{running} grain = 'all'")
    (aimed,) = _rows(
        sample,
        "select count(*) as pipelines, sum(target) as target, sum(outlook_amount) as outlook "
        f"{running} grain = 'pipeline' and target is not null",
    )
    amounts = [whole["outlook_amount"], whole["outlook_low"], whole["outlook_high"], whole["won_amount"]]
    expected, low, high, won = (_short(amount) for amount in amounts)
    assert quarter == (
        f"Quarter 2026-Q1, day 1 of 90: {expected} expected in all (four in five times between {low} and {high}), "
        f"of which {won} is won; {_short(whole['open_due_amount'])} is due in it. Target {_short(aimed['target'])} for "
        f"{aimed['pipelines']} of 7 pipelines (Partners, Pipeline): {_short(aimed['outlook'])} expected there, "
        f"{_short(aimed['target'] - aimed['outlook'])} short ({aimed['outlook'] / aimed['target']:.0%}).".replace(
            "%)", " %)"
        )
    )
    for change, words in (("won", "won"), ("lost", "lost"), ("pushed later", "pushed later")):
        count = sum(row["change"] == change and row["day"] >= "2025-12-31" for row in report.rows("changed-deals"))
        assert count and f" {count} {words}" in changes


def test_an_owner_has_the_sentences_of_his_own(report: Report, sample: Warehouse) -> None:
    report.choose(owner="Anna Müller (acme_salesforce)")
    month, quarter, _ = (line.replace("\xa0", " ") for line in report.page.locator(".line").all_inner_texts())
    assert month.endswith("Goal EUR 60k: EUR 60k to go (0 %).")
    (own,) = _rows(
        sample,
        "from marts.mart_quarter_outlook inner join marts.dim_owners on owner_key = grain_value "
        "where not is_complete_quarter and grain = 'owner' and owner_name = 'Anna Müller'",
    )
    assert f"{_short(own['outlook_amount'])} expected in all" in quarter
    assert f"Target {_short(own['target'])}: {_short(own['target'] - own['outlook_amount'])} short" in quarter
    (goal,) = _rows(
        sample,
        "select goal, target, actual, attainment from marts.mart_goals inner join marts.dim_owners using (owner_key) "
        "where owner_name = 'Anna Müller' and month = '2025-12-01' and period = 'month'",
    )
    (shown,) = report.rows("goals")
    _assert_same([{name: shown[name] for name in goal}], [goal], "goals")
    assert "goal EUR\xa060k" in report.page.locator(".tile", has_text="Won amount").inner_text()


def test_a_bar_opens_its_deals_the_worst_first(report: Report, sample: Warehouse) -> None:
    page = report.page
    page.locator(".chart[aria-label^='Open deals by canonical stage'] .mark-rect path").nth(3).click()
    page.locator("dialog#deals").wait_for()
    wanted = _rows(
        sample,
        """
        select outlook.deal_key, amount_reporting as amount, reasons
        from (select *, coalesce(p_won, crm_probability, 0.5) as odds from marts.mart_deal_outlook) as outlook
        inner join marts.dim_stages using (source, pipeline, stage)
        where canonical_stage = 'demo'
        order by reasons is null, amount * odds * (1 - odds) desc nulls last, reason_count desc, deal_key
        """,
    )
    shown = report.rows("listed")
    assert [row["deal_key"] for row in shown] == [row["deal_key"] for row in wanted]
    assert [row["amount"] for row in shown] == [row["amount"] for row in wanted]
    assert f"{len(wanted)} open deals, the worst first" in page.inner_text("dialog#deals")
    page.keyboard.press("Escape")
    assert not page.locator("dialog#deals").is_visible()


def test_a_rule_opens_the_open_deals_that_break_it(report: Report, sample: Warehouse) -> None:
    assert report.rows("rules")
    report.page.get_by_role("button", name="Stale deal", exact=True).click()
    stale = sample.rows(
        "select record_key from quality.hygiene_violations where rule = 'stale_deal' and resolved_on is null order by 1"
    )
    assert sorted(row["deal_key"] for row in report.rows("listed")) == [key for (key,) in stale]


def _short(amount: float) -> str:
    """As the page writes amounts in sentences: three digits."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if amount >= size and amount >= 1e4:
            return f"EUR {float(f'{amount / size:.3g}'):g}{unit}"
    return f"EUR {amount:,.0f}"


def _rows(sample: Warehouse, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(sample.path / "pipeline.duckdb"), read_only=True) as connection:
        result = connection.execute(sql)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, map(_plain, row), strict=True)) for row in result.fetchall()]


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return value.isoformat() if isinstance(value, date) else value


def _assert_same(shown: list[dict[str, Any]], wanted: list[dict[str, Any]], table: str) -> None:
    assert len(shown) == len(wanted), table

    def order(row: dict[str, Any]) -> list[str]:
        return [f"{value:.6g}" if isinstance(value, int | float) else str(value) for value in row.values()]

    for one, other in zip(sorted(shown, key=order), sorted(wanted, key=order), strict=True):
        for column, value in other.items():
            if isinstance(value, float) and one[column] is not None:
                assert math.isclose(one[column], value, rel_tol=1e-9, abs_tol=1e-9), (table, column, one, other)
            else:
                assert one[column] == value, (table, column, one, other)
