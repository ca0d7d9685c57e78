"""What the page carries of the published tables: aggregates, only the columns and months it shows.

`$start` is the first month of the look back, `$as_of` the run's moment. `carried_owners` are the owners that the page
can be filtered by; what is about nobody (owner_key NULL) always comes along.
"""

from __future__ import annotations

from dagster_project.config.metrics import metrics

#: How far the page looks back. All history is in the marts.
MONTHS = 36
#: Days of the hygiene score by pipeline, and by owner.
DAYS = 366
OWNER_DAYS = 31
#: Owners that the page can be filtered by: those who worked most deals in the latest year.
OWNERS = 250
#: Records named per owner, and how much of a name or message.
WORST_RECORDS = 5
NAME_LENGTH = 160

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


def _carried_metrics() -> str:
    """The columns that those are, or are divided from: a ratio takes less room as its parts, which others share."""
    shown = [one for one in metrics("mart_monthly_metrics") if one.name in LISTED]
    parts = [[*one.parts[0], *one.parts[1]] if one.parts else [one.name] for one in shown]
    return ", ".join(dict.fromkeys(column for columns in parts for column in columns))


_MOVES = ("opening", "created", "reopened", "increased", "decreased", "won", "lost", "deleted", "merged", "closing")
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
        select source, pipeline, stage, stage_order, is_won, is_lost
        from marts.dim_stages order by source, pipeline, stage_order
    """,
    "metrics": f"""
        select month, grain, grain_value, is_complete_month, {_carried_metrics()}
        from marts.mart_monthly_metrics
        where month >= $start
          and (
              grain in ('all', 'source', 'pipeline')
              or (grain = 'owner' and (grain_value is null or grain_value in (select owner_key from carried_owners)))
          )
        order by grain, grain_value, month
    """,
    "goals": """
        select month, source, pipeline, stage, goal, target, actual, attainment, is_more_better, is_complete_month
        from marts.mart_goals where month >= $start and period = 'month' and pipeline is not null
        order by month, source, pipeline, stage, goal
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
)
