"""What the page carries of the published tables: aggregates, only the columns and months it shows.

`$start` is the first month of the look back, `$as_of` the run's moment. `carried_owners` are the owners that the page
can be filtered by; what is about nobody (owner_key NULL) always comes along.
"""

from __future__ import annotations

from collections.abc import Sequence

from dagster_project.config.fields import field_sql
from dagster_project.config.metrics import metrics
from dagster_project.publish.shown_odds import SHOWN_OUTLOOK
from dagster_project.quality.restated import TOLD_FIRST, WHAT_HAPPENED_SQL

#: How far the page looks back. All history is in the marts.
MONTHS = 36
#: Days of the hygiene score by pipeline, and by owner.
DAYS = 366
OWNER_DAYS = 31
#: Owners that the page can be filtered by: those who worked most deals in the latest year.
OWNERS = 250
#: Open deals named: the worst of each stage and owner, and of all of them at most. A list says when it lacks some.
DEALS_PER_STAGE = 200
DEALS_PER_OWNER = 40
DEALS = 6000
#: Days of changes that are counted, changes that are named.
CHANGE_DAYS = 8
CHANGES = 1000
#: Fiscal quarters that the page looks back.
QUARTERS = 12
#: Owners beside those that the page can be filtered by; no key of an owner looks like that.
OTHERS = "(others)"
#: Sentences of what changed in the past, and records behind them.
RESTATED_LINES = 12
RESTATED_RECORDS = 400
#: Records named per owner, and how much of a name or message.
WORST_RECORDS = 5
NAME_LENGTH = 160

#: Values of a field that the page can be filtered by: those of most deals in the latest year.
FIELD_VALUES = 50

OWNERS_SQL = f"""
create temp table carried_owners as
select grain_value as owner_key
from marts.mart_monthly_metrics
where grain = 'owner'
  and grain_value is not null
  and month > (select max(month) - interval 12 month from marts.mart_monthly_metrics)
group by grain_value
order by sum(deals_worked) desc, grain_value
limit {OWNERS}
"""

FIELD_VALUES_SQL = f"""
create temp table carried_values as
select grain, grain_value
from marts.mart_monthly_metrics
where grain not in ('all', 'source', 'pipeline', 'owner', 'segment', 'lead_source')
  and grain_value is not null
  and month > (select max(month) - interval 12 month from marts.mart_monthly_metrics)
group by grain, grain_value
qualify row_number() over (partition by grain order by sum(deals_worked) desc, grain_value) <= {FIELD_VALUES}
"""


def with_fields(sql: str, names: Sequence[str]) -> str:
    """A query with the fields that are grains as further columns, `field_<name>`, where it has a place for them."""
    columns = [f"field_{name}" for name in names]
    taken = [field_sql(name, "text", "deals.fields") for name in names]
    places = {
        "/* fields of deals */": [f"{said} as {column}" for said, column in zip(taken, columns, strict=True)],
        "/* fields of changed deals */": [
            f"any_value({said}) as {column}" for said, column in zip(taken, columns, strict=True)
        ],
        "/* fields */": columns,
    }
    for place, said in places.items():
        sql = sql.replace(place, "".join(f", {one}" for one in said))
    return sql


#: The figures of the last complete month, in their order: those of the tiles, and those of the table alone.
TILES = (
    *("deals_won", "won_amount", "win_rate", "avg_deal_size", "sales_cycle_days", "pipeline_velocity_per_day"),
    *("new_leads", "closing_amount"),
)
LISTED = (
    *TILES,
    *("closing_deals", "opportunities_created", "deals_lost", "deals_worked", "win_loss_ratio", "opportunity_win_rate"),
    *("deal_closure_rate", "sales_cycle_days_median", "lead_conversion_rate", "response_hours"),
    *("response_hours_median", "response_within_sla_rate", "leads_unanswered", "new_customers", "spend"),
    *("cac", "clv", "clv_to_cac"),
)

#: Open deals, the worst first: those with something to do about them, by what can still go either way of their amount
#: (amount × odds × (1 - odds)). Odds that nobody knows are taken as even here, and shown as not known.
OPEN_DEALS_SQL = f"""
create temp table open_deals as
select
    outlook.*, deals.deal_name, owners.owner_name /* fields of deals */,
    row_number() over (order by
        outlook.reason_count > 0 desc,
        outlook.amount_reporting * odds * (1 - odds) desc nulls last,
        outlook.reason_count desc, outlook.deal_key
    ) as place
from (select *, coalesce(p_won, crm_probability, 0.5) as odds from {SHOWN_OUTLOOK}) as outlook
left join marts.fct_deals as deals on outlook.deal_key = deals.deal_key
left join marts.dim_owners as owners on outlook.owner_key = owners.owner_key
"""

#: What happened to deals lately, by day in the reporting timezone, under the deals' pipelines and owners of today.
CHANGES_SQL = f"""
create temp table changes as
with events as (
    select
        deal_key, transitioned_at as moment,
        case direction when 'skipped' then 'advanced' else direction end as change,
        from_stage as old_value, to_stage as new_value
    from marts.fct_stage_transitions
    union all
    select
        deal_key, changed_at,
        case
            when field = 'amount' then 'amount changed'
            when new_value > old_value then 'pushed'
            else 'pulled in'
        end,
        old_value, new_value
    from marts.fct_deal_changes
    where field = 'amount'
       or (field = 'expected_close_on' and old_value is not null and new_value is not null and old_value != new_value)
),
dated as (
    select *, cast(timezone($zone, timezone('UTC', moment)) as date) as day from events
    where moment <= $as_of and moment >= $as_of - interval {CHANGE_DAYS + 1} day
)
-- the last of several of one kind on one day, whose old value is the first one's
select
    dated.day, dated.change, deals.source, deals.pipeline, deals.owner_key, deals.deal_key,
    any_value(deals.deal_name) as deal_name, any_value(deals.amount_reporting) as amount,
    arg_min(old_value, moment) as old_value, arg_max(new_value, moment) as new_value /* fields of changed deals */
from dated inner join marts.fct_deals as deals on dated.deal_key = deals.deal_key
where deals.status != 'deleted' and dated.day >= cast($today as date) - {CHANGE_DAYS}
group by dated.day, dated.change, deals.source, deals.pipeline, deals.owner_key, deals.deal_key
"""


def _carried_metrics() -> str:
    """The columns that those are, or are divided from: a ratio takes less room as its parts, which others share."""
    shown = [one for one in metrics("mart_monthly_metrics") if one.name in LISTED]
    parts = [[*one.parts[0], *one.parts[1]] if one.parts else [one.name] for one in shown]
    return ", ".join(dict.fromkeys(column for columns in parts for column in columns))


_MOVES = ("opening", "created", "reopened", "increased", "decreased", "won", "lost", "deleted", "merged", "closing")
_QUARTER_MOVES = (
    *("opening", "created", "reopened", "pulled_in", "increased", "decreased", "pushed_out"),
    *("won", "lost", "deleted", "merged", "closing"),
)
_QUARTER_MOVEMENTS = ", ".join(f"{move}_{what}" for what in ("deals", "amount") for move in _QUARTER_MOVES)
_MOVEMENTS = ", ".join(f"{move}_{what}" for what in ("deals", "amount") for move in _MOVES)

#: Name in the page → query.
TABLES: dict[str, str] = {
    "owners": """
        select
            owner_key, split_part(owner_key, ':', 1) as source,
            coalesce(owner_name, substr(owner_key, position(':' in owner_key) + 1)) as owner_name
        from carried_owners left join marts.dim_owners using (owner_key)
        order by lower(owner_name), owner_key
    """,
    "pipelines": """
        select distinct source, pipeline from marts.mart_pipeline_movements order by source, pipeline
    """,
    "stages": """
        select source, pipeline, stage, stage_order, canonical_stage, is_won, is_lost
        from marts.dim_stages order by source, pipeline, stage_order
    """,
    "metrics": f"""
        select month, grain, grain_value, is_complete_month, {_carried_metrics()}
        from marts.mart_monthly_metrics
        where month >= $start
          and (
              grain in ('all', 'source', 'pipeline')
              or (grain = 'owner' and (grain_value is null or grain_value in (select owner_key from carried_owners)))
              or (
                  grain in (select grain from carried_values)
                  and (grain_value is null or (grain, grain_value) in (select grain, grain_value from carried_values))
              )
          )
        order by grain, grain_value, month
    """,
    "goals": """
        select month, source, pipeline, stage, goal, target, actual, attainment, is_more_better, is_complete_month
        from marts.mart_goals where month >= $start and period = 'month' and pipeline is not null
        order by month, source, pipeline, stage, goal
    """,
    "owner_goals": """
        select month, owner_key, goal, target, actual, attainment, is_more_better, is_complete_month
        from marts.mart_goals
        where month >= $start and period = 'month' and owner_key in (select owner_key from carried_owners)
        order by month, owner_key, goal
    """,
    # the running month and the deals of today
    "deals": f"""
        with ranked as (
            select *,
                row_number() over (partition by source, pipeline, stage order by place) as of_stage,
                row_number() over (partition by owner_key order by place) as of_owner
            from open_deals
        )
        select
            place, deal_key, left(deal_name, {NAME_LENGTH}) as deal_name, source, pipeline, stage, owner_key,
            left(owner_name, {NAME_LENGTH}) as owner_name, amount_reporting as amount, expected_close_on,
            round(p_won, 4) as p_won, compared_deals,
            floor(days_in_stage) as days_in_stage, reason_ids, left(reasons, {NAME_LENGTH * 2}) as reasons
            /* fields */
        from ranked
        where of_stage <= {DEALS_PER_STAGE} or of_owner <= {DEALS_PER_OWNER}
        order by least(of_stage / {DEALS_PER_STAGE}, of_owner / {DEALS_PER_OWNER}), place
        limit {DEALS}
    """,
    "open_now": f"""
        select
            source, pipeline, stage,
            case when owner_key is null or owner_key in (select owner_key from carried_owners) then owner_key
                else '{OTHERS}' end as owner_key,
            count(*) as open_deals, sum(amount_reporting) as open_amount,
            count(*) - count(amount_reporting) as without_amount,
            count(p_won) as with_odds, count(*) filter (reason_count > 0) as with_reasons,
            sum(amount_reporting * p_won) as expected_amount,
            sum(amount_reporting * p_won_this_month) as this_month_amount,
            sum(amount_reporting * p_won_next_month) as next_month_amount
            /* fields */
        from open_deals
        group by all order by source, pipeline, stage, owner_key
    """,
    "reasons": f"""
        select
            source, pipeline,
            case when owner_key is null or owner_key in (select owner_key from carried_owners) then owner_key
                else '{OTHERS}' end as owner_key,
            reason, count(*) as deals, sum(amount_reporting) as amount /* fields */
        from open_deals, unnest(string_split(reason_ids, ', ')) as reason (reason)
        group by all order by source, pipeline, owner_key, reason
    """,
    "changes": f"""
        select
            day, source, pipeline,
            case when owner_key is null or owner_key in (select owner_key from carried_owners) then owner_key
                else '{OTHERS}' end as owner_key,
            change, count(*) as deals, sum(amount) as amount /* fields */
        from changes group by all order by day, source, pipeline, owner_key, change
    """,
    "changed_deals": f"""
        select
            day, change, source, pipeline, owner_key, deal_key, left(deal_name, {NAME_LENGTH}) as deal_name, amount,
            old_value, new_value /* fields */
        from changes
        order by day >= cast($today as date) - 1 desc, amount desc nulls last, deal_key, change limit {CHANGES}
    """,
    "quarters": f"""
        select
            quarter_start, fiscal_year, fiscal_quarter, is_complete_quarter, grain, grain_value, target, won_amount,
            won_deals, gap, open_due_amount, coverage, outlook_amount, outlook_low, outlook_high, win_rate_by_amount,
            needed_amount, won_amount_q1, won_amount_q2, won_amount_q3, won_amount_q4,
            open_due_amount_q1, open_due_amount_q2, open_due_amount_q3, open_due_amount_q4
        from marts.mart_quarter_outlook
        where quarter_start
            > (select max(quarter_start) - interval {3 * QUARTERS} month from marts.mart_quarter_outlook)
          and (
              grain != 'owner' or grain_value is null or grain_value in (select owner_key from carried_owners)
          )
        order by grain, grain_value, quarter_start
    """,
    "quarter_movements": f"""
        select
            quarter_start, fiscal_year, fiscal_quarter, source, pipeline, has_expected_close, is_complete_quarter,
            {_QUARTER_MOVEMENTS}
        from marts.mart_quarter_movements
        where quarter_start
            > (select max(quarter_start) - interval {3 * QUARTERS} month from marts.mart_quarter_movements)
        order by source, pipeline, quarter_start
    """,
    "alerts": """
        select
            rule, source, substr(record_key, length(source) + 2) as record, message
        from quality.hygiene_violations
        where entity = 'deliveries' and resolved_on is null
        union all
        select rule, source, null, concat(count(*), ' deals stand in stages that the configuration does not name: ',
            string_agg(distinct observed, ', ' order by observed))
        from quality.hygiene_violations
        where rule = 'unmapped_stage' and resolved_on is null
        group by rule, source
        union all
        select 'failed_check', null, suite, concat(expectation, ' of ', "table", ': ', unexpected, ' of ', evaluated)
        from quality.check_results
        where severity = 'critical' and applies and not success
        order by 1, 2, 3
    """,
    "funnel": """
        select month, source, pipeline, entity, step, step_order, created, reached, dropped, ended
        from marts.mart_funnel where month >= $start order by entity, source, pipeline, step_order, month
    """,
    "movements": f"""
        select month, source, pipeline, is_complete_month, {_MOVEMENTS}
        from marts.mart_pipeline_movements where month >= $start order by source, pipeline, month
    """,
    "flow": """
        select month, source, pipeline, from_stage, to_stage, transitions, amount, days_median, is_forward, is_on_path
        from marts.mart_stage_flow where month >= $start order by source, pipeline, from_stage, to_stage, month
    """,
    "time_in_stage": """
        select
            source, pipeline, stage, stage_order, visits, ended, open, days_in_stage_mean, days_in_stage_median,
            days_in_stage_km_median, days_in_stage_km_median_low, days_in_stage_km_median_high, days_in_stage_km_p90
        from marts.mart_time_in_stage order by source, pipeline, stage_order
    """,
    # the same three by owner: the owner of today, also of what happened under another one
    "owner_funnel": """
        with furthest as (
            select
                deal_key,
                max(case when direction = 'won' or is_won then won.canonical_order else stages.canonical_order end)
                    as furthest
            from marts.fct_stage_transitions as transitions
            left join marts.dim_stages as stages on transitions.to_stage_key = stages.stage_key
            cross join (select max(canonical_order) as canonical_order from marts.dim_stages where stage = 'Won') as won
            where is_counted and direction != 'lost' and not coalesce(is_lost, false)
            group by deal_key
        )
        select
            cast(date_trunc('month', created_on) as date) as month, source, pipeline, owner_key, furthest,
            count(*) as deals, count(*) filter (status = 'lost') as lost
        from marts.fct_deals left join furthest using (deal_key)
        where status != 'deleted' and created_on >= $start
          and (owner_key is null or owner_key in (select owner_key from carried_owners))
        group by all order by source, pipeline, owner_key, month, furthest
    """,
    "owner_flow": """
        select
            deals.owner_key, moves.source, moves.pipeline, moves.from_stage, moves.to_stage, count(*) as transitions,
            min(flow.is_on_path) as is_on_path
        from (
            select *,
                date_trunc('month', timezone($zone, timezone('UTC', transitioned_at))) as month
            from marts.fct_stage_transitions where is_counted
        ) as moves
        inner join marts.fct_deals as deals on moves.deal_key = deals.deal_key
        left join marts.mart_stage_flow as flow
            on moves.month = flow.month and moves.source = flow.source and moves.pipeline = flow.pipeline
            and moves.from_stage is not distinct from flow.from_stage and moves.to_stage = flow.to_stage
        where deals.status != 'deleted'
          and moves.month >= date_trunc('month', cast($today as date)) - interval 12 month
          and (deals.owner_key is null or deals.owner_key in (select owner_key from carried_owners))
        group by all order by deals.owner_key, moves.source, moves.pipeline, moves.from_stage, moves.to_stage
    """,
    "owner_time_in_stage": """
        with visits as (
            select
                deals.owner_key, visits.source, visits.pipeline, visits.stage, days_in_stage,
                outcome != 'open' as has_ended
            from marts.fct_stage_visits as visits
            inner join marts.fct_deals as deals on visits.deal_key = deals.deal_key
            where deals.owner_key is null or deals.owner_key in (select owner_key from carried_owners)
        ),
        days as (
            select
                owner_key, source, pipeline, stage, days_in_stage, count(*) filter (has_ended) as ended,
                count(*) as gone
            from visits group by all
        ),
        at_risk as (
            select *, sum(gone) over (
                partition by owner_key, source, pipeline, stage order by days_in_stage desc
            ) as at_risk
            from days
        ),
        -- Kaplan-Meier, as in mart_time_in_stage
        curve as (
            select *, product(1 - ended / at_risk) over (
                partition by owner_key, source, pipeline, stage order by days_in_stage
            ) as still_there
            from at_risk
        ),
        quantiles as (
            select
                owner_key, source, pipeline, stage,
                min(days_in_stage) filter (still_there <= 0.5 + 1e-9) as days_in_stage_km_median,
                min(days_in_stage) filter (still_there <= 0.1 + 1e-9) as days_in_stage_km_p90
            from curve group by all
        ),
        counted as (
            select
                owner_key, source, pipeline, stage, count(*) as visits, count(*) filter (has_ended) as ended,
                count(*) filter (not has_ended) as open, avg(days_in_stage) filter (has_ended) as days_in_stage_mean,
                median(days_in_stage) filter (has_ended) as days_in_stage_median
            from visits group by all
        )
        select
            counted.*, stage_order, days_in_stage_km_median, null as days_in_stage_km_median_low,
            null as days_in_stage_km_median_high, days_in_stage_km_p90
        from counted
        inner join quantiles
            on counted.owner_key is not distinct from quantiles.owner_key and counted.source = quantiles.source
            and counted.pipeline = quantiles.pipeline and counted.stage = quantiles.stage
        inner join marts.dim_stages as stages
            on counted.source = stages.source and counted.pipeline = stages.pipeline and counted.stage = stages.stage
        where not is_won and not is_lost
        order by counted.owner_key, counted.source, counted.pipeline, stage_order
    """,
    "forecast": """
        select
            forecast_on, source, pipeline, month, open_deals, open_amount, expected_deals, expected_amount, low_amount,
            high_amount, won_so_far_amount, crm_amount
        from marts.mart_forecast order by source, pipeline, month
    """,
    "backtest": """
        select
            forecast_on, source, pipeline, month, months_ahead, expected_amount, low_amount, high_amount, actual_amount,
            error, is_within_interval, crm_amount, last_year_amount, trailing_mean_amount
        from marts.mart_forecast_backtest where month >= $start order by source, pipeline, month, months_ahead
    """,
    "scores": f"""
        select
            date_day, source, pipeline, sum(open_deals) as open_deals, sum(clean_deals) as clean_deals,
            sum(open_amount) as open_amount, sum(clean_amount) as clean_amount
        from quality.hygiene_scores
        where date_day > (select max(date_day) - {DAYS} from quality.hygiene_scores)
        group by date_day, source, pipeline order by date_day, source, pipeline
    """,
    "owner_scores": f"""
        select date_day, source, pipeline, owner_key, open_deals, clean_deals, open_amount, clean_amount
        from quality.hygiene_scores
        where (owner_key is null or owner_key in (select owner_key from carried_owners))
          and date_day > (select max(date_day) - {OWNER_DAYS} from quality.hygiene_scores)
        order by date_day, source, pipeline, owner_key
    """,
    "violations": """
        select rule, severity, source, pipeline, count(*) as violations
        from quality.hygiene_violations where resolved_on is null
        group by rule, severity, source, pipeline order by rule, source, pipeline
    """,
    "owner_violations": """
        select rule, severity, source, pipeline, owner_key, count(*) as violations
        from quality.hygiene_violations
        where resolved_on is null
          and (owner_key is null or owner_key in (select owner_key from carried_owners))
        group by rule, severity, source, pipeline, owner_key order by rule, source, pipeline, owner_key
    """,
    "offenders": """
        select
            source, pipeline, owner_key, any_value(owner_name) as owner_name, count(*) as records,
            sum(violations) as violations, sum(amount_at_stake) as amount_at_stake
        from quality.worklists
        where owner_key is null or owner_key in (select owner_key from carried_owners)
        group by source, pipeline, owner_key order by source, pipeline, owner_key
    """,
    "worst_records": f"""
        select
            owner_key, left(owner_name, {NAME_LENGTH}) as owner_name, place, source, pipeline, entity, record_key,
            case when length(record_name) > {NAME_LENGTH} then left(record_name, {NAME_LENGTH}) || '…'
                else record_name end as record_name,
            amount_at_stake, severity,
            case when length(messages) > {NAME_LENGTH} then left(messages, {NAME_LENGTH}) || '…'
                else messages end as messages,
            first_seen_on
        from quality.worklists
        where place <= {WORST_RECORDS}
          and (owner_key is null or owner_key in (select owner_key from carried_owners))
        order by owner_key, place
    """,
    "deliveries": f"""
        with newest as (
            select *, max(extracted_at) over (partition by source, feed) as newest_extracted_at
            from quality.deliveries
        ),
        said as (
            select
                source, feed,
                string_agg(distinct message, '; ' order by message) as said
            from quality.hygiene_violations
            inner join (select distinct source, feed from quality.deliveries) using (source)
            where entity = 'deliveries' and resolved_on is null
              and starts_with(record_key, concat(source, ':', feed, ':'))
            group by source, feed
        )
        select
            source, feed, entity,
            max(extracted_at) filter (state = 'loaded') as loaded_extracted_at,
            epoch($as_of - max(extracted_at) filter (state = 'loaded')) / 3600 as age_hours,
            string_agg(distinct state, ', ' order by state) filter (extracted_at = newest_extracted_at) as newest_state,
            count(distinct extracted_at) filter (state = 'loaded') as deliveries,
            left(any_value(said), {NAME_LENGTH * 3}) as said
        from newest left join said using (source, feed)
        group by source, feed, entity order by source, feed, entity
    """,
    "restated": """
        select month, metric, value_before, value_now, cause, difference
        from quality.restatements where grain = 'all' and is_complete_month
        order by month desc, metric, cause
    """,
    # once a record and month, under the first figure that it changed
    "restated_records": f"""
        with told as (
            select
                month, entity, record_key, arg_min(metric, place) as metric, arg_min(what, place) as what,
                arg_min(changes, place) as changes, any_value(file) as file, any_value(row_number) as row_number
            from (
                select
                    happened.*,
                    coalesce(list_position({list(TOLD_FIRST)}, metric), {len(TOLD_FIRST) + 1}) as place
                from ({WHAT_HAPPENED_SQL}) as happened
            )
            where month in (select month from quality.restatements where is_complete_month)
            group by month, entity, record_key
        )
        select
            told.month, told.metric, told.entity, told.record_key as deal_key,
            split_part(told.record_key, ':', 1) as source,
            left(coalesce(deals.deal_name, leads.lead_name), {NAME_LENGTH}) as record_name,
            told.what, left(told.changes, {NAME_LENGTH}) as changes, told.file, told.row_number
        from told
        left join marts.fct_deals as deals on told.entity = 'deals' and told.record_key = deals.deal_key
        left join marts.fct_leads as leads on told.entity = 'leads' and told.record_key = leads.lead_key
        order by told.month desc, told.what, told.record_key
        limit {RESTATED_RECORDS}
    """,
    "balance": """
        select
            source, feed, entity, count(*) as files, sum(rows_in_file) as rows_in_file,
            sum(rows_rejected) as rows_rejected, sum(rows_loaded) as rows_loaded, sum(rows_forgotten) as rows_forgotten,
            sum(current_rows) as current_rows, sum(superseded) as superseded, sum(quarantined) as quarantined,
            sum(balance) as balance
        from quality.row_accounting group by source, feed, entity order by source, feed, entity
    """,
}

#: Tables whose comments, and those of their columns, are the definitions on the page.
DEFINED = (
    "mart_deal_outlook",
    "mart_quarter_outlook",
    "mart_quarter_movements",
    "mart_monthly_metrics",
    "mart_goals",
    "mart_funnel",
    "mart_pipeline_movements",
    "mart_stage_flow",
    "mart_time_in_stage",
    "mart_forecast",
    "mart_forecast_backtest",
    "hygiene_scores",
    "hygiene_violations",
    "worklists",
    "deliveries",
    "row_accounting",
    "restatements",
)
