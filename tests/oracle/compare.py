"""Where a published warehouse differs from the oracle, in sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from . import Result, Rows
from .cells import Cents, bag_differences, plain, read, row_differences, table_differences

NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
#: Rule → which of its values is published with two decimals.
ROUNDED = {"unanswered_lead": "observed", "late_delivery": "observed", "amount_outlier": "allowed"}
VIOLATION_COLUMNS = ["rule", "record_key", "source", "pipeline", "owner_key", "observed", "allowed"]


@dataclass(frozen=True)
class Compared:
    """A mart, the oracle's rows of it, its key (none: rows as a multiset), and the columns compared."""

    table: str
    rows: str
    key: list[str]
    columns: list[str]

    @property
    def all_columns(self) -> list[str]:
        """Key and others."""
        return self.key + self.columns


def _compared(table: str, rows: str, key: str, columns: str) -> Compared:
    return Compared(table, rows, key.split(), columns.split())


COMPARED = (
    _compared(
        "fct_deals",
        "deals",
        "deal_key",
        "source deal_id deal_name pipeline stage canonical_stage status created_at created_on created_at_is_estimated "
        "closed_at closed_on amount currency reporting_rate amount_reporting sales_cycle_days owner_key account_key "
        "segment lead_key lead_source is_qualified qualified_at is_first_win expected_close_on lost_reason "
        "close_date_pushes deleted_at merged_into_deal_key last_stage_change_at last_activity_at last_touch_at "
        "next_activity_at pipeline_key stage_key fields",
    ),
    _compared(
        "fct_leads",
        "leads",
        "lead_key",
        "source lead_id lead_name company email owner_key lead_source status created_at created_on "
        "created_at_is_estimated is_converted is_closed converted_at converted_deal_key first_response_at "
        "response_hours last_activity_at is_answered_within_sla is_unanswered fields",
    ),
    _compared(
        "fct_stage_transitions",
        "transitions",
        "deal_key transition_number",
        "source pipeline from_stage to_stage from_canonical_stage to_canonical_stage transitioned_at "
        "seconds_in_from_stage direction amount owner_key evidence is_counted pipeline_key from_stage_key to_stage_key",
    ),
    _compared(
        "fct_stage_visits",
        "visits",
        "",
        "deal_key source pipeline stage canonical_stage entered_at entered_on exited_at days_in_stage outcome "
        "pipeline_key stage_key",
    ),
    _compared(
        "fct_activities",
        "activities",
        "activity_key",
        "source activity_id activity_type crm_activity_type direction deal_key lead_key account_key owner_key due_at "
        "completed_at is_done is_outbound_response fields",
    ),
    _compared(
        "fct_deal_changes",
        "changes",
        "deal_key field change_number",
        "source old_value new_value changed_at evidence",
    ),
    _compared(
        "fct_pipeline_snapshots",
        "snapshots",
        "snapshot_on deal_key",
        "source pipeline stage pipeline_key stage_key canonical_stage owner_key amount_reporting days_in_stage",
    ),
    _compared(
        "fct_customer_months",
        "customer_months",
        "account_key month",
        "customer_month_key source account_id segment is_complete_month revenue_reporting lines_without_rate is_active "
        "was_active_month_before is_churned",
    ),
    _compared(
        "fct_customer_years",
        "customer_years",
        "source segment month",
        "is_complete_month months_of_revenue revenue lines_without_rate active_customer_months active_months_before "
        "churned_customers gross_margin",
    ),
    _compared("fct_deal_months", "deal_months", "deal_key month", "source"),
    _compared(
        "fct_spend",
        "spend",
        "",
        "source pipeline owner_key segment lead_source campaign spent_on amount currency amount_reporting",
    ),
    _compared(
        "dim_stages",
        "stages",
        "source pipeline stage",
        "stage_order canonical_stage canonical_order is_qualified is_won is_lost is_mandatory win_probability "
        "is_configured stage_key pipeline_key",
    ),
    _compared(
        "dim_owners", "owners", "owner_key", "source owner_id owner_name is_active is_delivered team email fields"
    ),
    _compared("dim_accounts", "accounts", "account_key", "source account_id account_name segment is_delivered fields"),
    _compared(
        "deals_wide",
        "deals_wide",
        "deal_key",
        "owner_name owner_is_active team account_name stage_name stage_order pipeline_name",
    ),
    _compared(
        "leads_wide",
        "leads_wide",
        "lead_key",
        "owner_name owner_is_active team converted_deal_name converted_deal_status",
    ),
    _compared("bridge_activity_records", "bridge", "", "activity_key source entity record_key"),
    _compared("dim_pipelines", "pipelines", "pipeline_key", "source pipeline is_configured open_stages"),
    _compared(
        "dim_dates",
        "dates",
        "date_day",
        "month year quarter day_of_week is_weekend is_complete_month month_name day_name week iso_week iso_year "
        "fiscal_year fiscal_quarter quarter_start quarter_end",
    ),
    _compared(
        "mart_pipeline_daily",
        "daily",
        "date_day source pipeline stage",
        "canonical_stage open_deals open_amount is_complete_day",
    ),
    _compared(
        "mart_monthly_metrics",
        "monthly_metrics",
        "month grain grain_value",
        "is_complete_month new_leads converted_leads lead_conversion_rate answered_leads leads_answered_within_sla "
        "leads_unanswered response_hours response_hours_median response_within_sla_rate opportunities_created "
        "opportunities_created_won deal_closure_rate deals_won deals_lost win_rate win_loss_ratio qualified_won "
        "qualified_lost opportunity_win_rate won_amount won_deals_with_amount avg_deal_size sales_cycle_days "
        "sales_cycle_days_median deals_worked pipeline_velocity_per_day new_customers spend cac clv clv_to_cac "
        "clv_null_reason revenue_12_months active_customer_months active_months_before churned_customers "
        "spend_rows_without_rate",
    ),
    _compared(
        "mart_stage_metrics",
        "stage_metrics",
        "month source pipeline stage",
        "canonical_stage entered advanced regressed lost open drop_off_rate conversion_rate days_in_stage_mean "
        "days_in_stage_median days_in_stage_km_median days_in_stage_km_p90",
    ),
    _compared(
        "mart_time_in_stage",
        "time_in_stage",
        "source pipeline stage",
        "canonical_stage visits ended open days_in_stage_mean days_in_stage_median days_in_stage_km_median "
        "days_in_stage_km_p75 days_in_stage_km_p90",
    ),
    _compared(
        "mart_funnel",
        "funnel",
        "month source pipeline entity step",
        "step_order is_complete_month created reached conversion_from_previous dropped ended drop_off_rate",
    ),
    _compared(
        "mart_win_probability",
        "win_probability",
        "source pipeline cohort age_days",
        "cohort_month at_risk won lost censored won_probability won_probability_low won_probability_high "
        "lost_probability open_probability",
    ),
    _compared(
        "mart_pipeline_movements",
        "movements",
        "month source pipeline",
        "is_complete_month opening_deals created_deals reopened_deals increased_deals decreased_deals won_deals "
        "lost_deals deleted_deals merged_deals closing_deals opening_amount created_amount reopened_amount "
        "increased_amount decreased_amount won_amount lost_amount deleted_amount merged_amount closing_amount",
    ),
    _compared(
        "mart_stage_flow",
        "stage_flow",
        "month source pipeline from_stage to_stage",
        "deals transitions from_other_pipelines amount days_median is_forward is_on_path share_of_from_stage",
    ),
    _compared(
        "mart_close_date_slippage",
        "close_date_slippage",
        "month source pipeline",
        "is_complete_month pushes pulls pushed_deals pulled_deals pushes_per_pushed_deal days_pushed days_pushed_mean "
        "days_pushed_median days_pulled pushes_while_closed",
    ),
    _compared(
        "mart_bottlenecks",
        "bottlenecks",
        "month source pipeline stage",
        "canonical_stage is_complete_month deal_days deal_days_of_lost lost_deals lost_amount share_of_days "
        "share_of_lost_amount rank_by_days rank_by_lost_amount",
    ),
    _compared(
        "mart_goals",
        "goals",
        "period month source pipeline stage owner_key team goal",
        "target actual attainment is_more_better is_complete_month",
    ),
    _compared(
        "mart_forecast",
        "forecast",
        "forecast_on source pipeline month",
        "months_ahead open_deals open_amount deals_without_amount assumed_amount expected_deals expected_amount "
        "low_amount high_amount crm_amount",
    ),
    _compared(
        "mart_forecast_backtest",
        "forecast_backtest",
        "forecast_on source pipeline month",
        "months_ahead open_deals open_amount deals_without_amount assumed_amount expected_deals expected_amount "
        "low_amount high_amount is_within_interval actual_deals actual_amount error crm_amount "
        "last_year_amount trailing_mean_amount",
    ),
    _compared(
        "mart_deal_outlook",
        "deal_outlook",
        "deal_key",
        "source pipeline stage owner_key as_of_on amount_reporting expected_close_on p_won_this_month "
        "p_won_next_month p_won_this_quarter p_won p_lost_this_month p_lost_next_month p_lost_this_quarter p_lost "
        "p_open_after_this_month p_open_after_next_month p_open_after_this_quarter p_open slip_probability our_p_won "
        "crm_probability our_weight compared_by compared_deals days_in_stage stage_median_days stage_p75_days "
        "stage_p90_days days_since_touch close_date_pushes next_activity_at reason_ids reason_count",
    ),
    _compared(
        "mart_quarter_movements",
        "quarter_movements",
        "quarter_start source pipeline has_expected_close",
        "fiscal_year fiscal_quarter is_complete_quarter opening_deals created_deals reopened_deals "
        "pulled_in_deals increased_deals decreased_deals pushed_out_deals won_deals lost_deals deleted_deals "
        "merged_deals closing_deals opening_amount created_amount reopened_amount pulled_in_amount "
        "increased_amount decreased_amount pushed_out_amount won_amount lost_amount deleted_amount "
        "merged_amount closing_amount",
    ),
    _compared(
        "mart_quarter_outlook",
        "quarter_outlook",
        "quarter_start grain grain_value",
        "fiscal_year fiscal_quarter is_complete_quarter target won_amount won_deals gap open_due_amount "
        "coverage outlook_amount outlook_low outlook_high win_rate_by_amount needed_amount won_amount_q1 "
        "won_amount_q2 won_amount_q3 won_amount_q4 open_due_amount_q1 open_due_amount_q2 open_due_amount_q3 "
        "open_due_amount_q4",
    ),
    _compared(
        "mart_outlook_calibration",
        "outlook_calibration",
        "cut_on horizon odds bin",
        "deals predicted_mean observed_rate observed_low observed_high brier combined_brier base_brier skill",
    ),
)
#: Keys whose text is nobody's business: what they name is compared, not how they are called.
MADE_KEYS = {"fct_stage_transitions": "transition_key", "fct_stage_visits": "visit_key"}
_SCORES = "date_day source pipeline owner_key open_deals clean_deals score open_amount clean_amount score_by_amount"
SCORE_COLUMNS = _SCORES.split()
#: What both tables say of a file, and what one alone does.
DELIVERED = ["entity", "rows_in_file", "rows_rejected", "rows_loaded", "rows_forgotten"]
ACCOUNTED = ["current_rows", "superseded", "quarantined", "balance"]
#: Marts that repeat a stage's place: it is that of `dim_stages`.
WITH_STAGE_ORDER = ("mart_pipeline_daily", "mart_stage_metrics", "mart_time_in_stage", "mart_bottlenecks")


def differences(result: Result, database: str | Path) -> list[str]:
    """Every difference in every table the oracle knows; none is an empty list."""
    lines = []
    for one in COMPARED:
        expected = [_published(one.table, row) for row in getattr(result, one.rows)]
        if one.table.endswith("_wide"):
            # what the configuration adds
            one = replace(
                one, columns=[*one.columns, *sorted({*expected[0]} - {*one.all_columns})] if expected else one.columns
            )
        if one.key:
            lines += table_differences(database, one.table, one.key, one.columns, expected)
        else:
            lines += bag_differences(database, one.table, one.columns, expected)
    lines += stage_order_differences(result, database) + key_differences(database)
    lines += score_differences(result, database) + file_differences(result, database)
    return lines + violation_differences(result, database)


def score_differences(result: Result, database: str | Path) -> list[str]:
    """`quality.hygiene_scores` of the run's day, where the severities are the default ones."""
    key, columns = SCORE_COLUMNS[:4], SCORE_COLUMNS[4:]
    if not result.scores:
        return []
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(
            f"select {', '.join(key + columns)} from quality.hygiene_scores where date_day = ?",
            [result.scores[0]["date_day"]],
        ).fetchall()
    actual = [dict(zip(key + columns, row, strict=True)) for row in found]
    return row_differences("hygiene_scores", key, columns, result.scores, actual)


def file_differences(result: Result, database: str | Path) -> list[str]:
    """`quality.deliveries` and `quality.row_accounting` of the loaded files, by their bytes."""
    key = ["source", "feed", "sha256", "extracted_at"]
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(
            f"select {', '.join(f'd.{name}' for name in key)}, d.state, "
            f"{', '.join(f'd.{name}' for name in DELIVERED)}, {', '.join(f'a.{name}' for name in ACCOUNTED)} "
            "from quality.deliveries d join quality.row_accounting a using (source, feed, file, extracted_at) "
            "where d.state = 'loaded'"
        ).fetchall()
    columns = ["state", *DELIVERED, *ACCOUNTED]
    actual = [dict(zip([*key, *columns], row, strict=True)) for row in found]
    return row_differences("row_accounting", key, columns, result.files, actual)


def key_differences(database: str | Path) -> list[str]:
    """Keys made of other columns have no value of their own: each names one row, and is never NULL."""
    lines = []
    for table, key in MADE_KEYS.items():
        rows, missing = read(database, table, [key])
        named = {row[key] for row in rows if not missing}
        if missing or None in named or len(named) < len(rows):
            lines.append(f"{table}: {key} does not name each row")
    return lines


def compared_columns() -> set[tuple[str, str, str]]:
    """Schema, table and column of everything that `differences` looks at."""
    marts = {("marts", one.table, column) for one in COMPARED for column in one.all_columns}
    orders = {("marts", table, "stage_order") for table in WITH_STAGE_ORDER}
    keys = {("marts", table, key) for table, key in MADE_KEYS.items()}
    scores = {("quality", "hygiene_scores", column) for column in SCORE_COLUMNS}
    of_file = ["source", "feed", "file", "extracted_at", *DELIVERED]
    files = {("quality", "deliveries", one) for one in (*of_file, "sha256", "state")}
    files |= {("quality", "row_accounting", one) for one in (*of_file, *ACCOUNTED)}
    violations = {("quality", "hygiene_violations", column) for column in VIOLATION_COLUMNS}
    return marts | orders | keys | scores | files | violations


def _published(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Estimates are published to the cent."""
    if not table.startswith(("mart_forecast", "mart_quarter_outlook")):
        return row
    return {name: _to_the_cent(name, value) for name, value in row.items()}


def _to_the_cent(name: str, value: Any) -> Any:
    is_money = isinstance(value, float) and (
        name.endswith("_amount") or name in ("error", "outlook_low", "outlook_high")
    )
    return Cents(value) if is_money else value


def stage_order_differences(result: Result, database: str | Path) -> list[str]:
    """Stages stand in the oracle's order in each pipeline, and everywhere in that of `dim_stages`."""
    actual, missing = read(database, "dim_stages", ["source", "pipeline", "stage", "stage_order", "is_won", "is_lost"])
    if missing:
        return missing
    mine, theirs = _orders(result.stages, "stage_rank"), _orders(actual, "stage_order")
    lines = [
        f"dim_stages orders the stages of {pipeline} as {theirs.get(pipeline)}, expected {stages}"
        for pipeline, stages in mine.items()
        if [one for one in theirs.get(pipeline, []) if one in stages] != stages
    ]
    places = {(row["source"], row["pipeline"], row["stage"]): row["stage_order"] for row in actual}
    for table in WITH_STAGE_ORDER:
        rows, missing = read(database, table, ["source", "pipeline", "stage", "stage_order"])
        wrong = {
            (place, row["stage_order"])
            for row in rows
            if row["stage_order"] != places.get(place := (row["source"], row["pipeline"], row["stage"]))
        }
        lines += missing + [
            f"{table} {place}: stage_order is {found}, not {places.get(place)}" for place, found in wrong
        ]
    return lines


def _orders(rows: Rows, by: str) -> dict[tuple[str, str], list[str]]:
    """Open stages by pipeline, in order; of those that close a deal the order says nothing."""
    orders: dict[tuple[str, str], dict[str, Any]] = {}
    for row in (row for row in rows if not row["is_won"] and not row["is_lost"]):
        orders.setdefault((row["source"], row["pipeline"]), {})[row["stage"]] = row[by]
    return {pipeline: sorted(stages, key=stages.__getitem__) for pipeline, stages in orders.items()}


def violation_differences(result: Result, database: str | Path) -> list[str]:
    """What is broken now, rule by rule: `quality.hygiene_violations` without what is resolved.

    The oracle calls a transition by its deal and number, and compares numbers as numbers.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        names = dict(
            connection.execute(
                "select transition_key, concat(deal_key, '#', transition_number) from marts.fct_stage_transitions"
            ).fetchall()
        )
        found = connection.execute(
            f"select {', '.join(VIOLATION_COLUMNS)} from quality.hygiene_violations where resolved_on is null"
        ).fetchall()
    actual = [dict(zip(VIOLATION_COLUMNS, row, strict=True)) for row in found]
    for row in actual:
        row["record_key"] = names.get(row["record_key"], row["record_key"])
    mine, theirs = ([_bare_violation(row) for row in rows] for rows in (result.violations, actual))
    return row_differences("hygiene_violations", ["rule", "record_key"], VIOLATION_COLUMNS[2:], mine, theirs)


def _bare_violation(row: dict[str, Any]) -> dict[str, Any]:
    """What is observed and allowed as it is meant; what is published with two decimals may be rounded either way."""
    bare = {name: _bare(row[name]) for name in ("observed", "allowed")}
    rounded = ROUNDED.get(row["rule"], "")
    if isinstance(bare.get(rounded), float):
        bare[rounded] = Cents(bare[rounded])
    return row | bare


def _bare(value: Any) -> Any:
    """A value as text; a number as it is meant, to the ninth digit."""
    if value is None:
        return None
    text = str(plain(value))
    return float(f"{float(text):.9g}") if NUMBER.fullmatch(text) else text
