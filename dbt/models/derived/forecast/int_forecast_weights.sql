-- How far our odds are to be believed beside the CRM's own: the weight between 0 and 1 that would have made the Brier
-- score smallest, of all month-ends of the source, over the months ahead that were over at the forecast date. The sum
-- of (w × ours + (1 - w) × crm - came)² is a quadratic in w; it is least where w is the sum of
-- (ours - crm) × (came - crm) by that of (ours - crm)².
with kinds as (
    select
        series,
        forecast_month_number,
        source,
        pipeline,
        stage,
        close_bucket,
        age_band,
        crm_probability,
        expected_step,
        outcome,
        exit_step,
        count(*) as deals
    from {{ ref('int_forecast_subjects') }}
    where
        series = 'month_end'
        and crm_probability is not null
        and close_bucket != 'none'
    group by all
),

foretold as (
    select
        kinds.source,
        kinds.forecast_month_number + odds.step as known_from,
        kinds.deals,
        odds.won_by_then as ours,
        {{ crm_odds_within('kinds', 1, 'odds.step') }} as crm,
        case when kinds.outcome = 'won' and kinds.exit_step <= odds.step then 1.0 else 0.0 end as came
    from kinds
    inner join {{ ref('int_forecast_odds') }} as odds
        on {{ same_odds('kinds', 'odds') }}
    where
        odds.step <= {{ forecast_horizon_months() }}
        -- of one that was deleted nobody knows
        and (coalesce(kinds.outcome, '') != 'deleted' or kinds.exit_step > odds.step)
),

closed as (
    select
        source,
        deal_key,
        min(forecast_month_number + exit_step) as known_from
    from {{ ref('int_forecast_subjects') }}
    where
        series = 'month_end'
        and crm_probability is not null
        and close_bucket != 'none'
        and outcome in ('won', 'lost')
    group by
        source,
        deal_key
),

by_month as (
    select
        source,
        known_from,
        sum(closed_deals) as closed_deals,
        sum(shared) as shared,
        sum(squared) as squared
    from (
        select
            source,
            known_from,
            0 as closed_deals,
            deals * (ours - crm) * (came - crm) as shared,
            deals * (ours - crm) * (ours - crm) as squared
        from foretold

        union all

        select
            source,
            known_from,
            1 as closed_deals,
            0.0 as shared,
            0.0 as squared
        from closed
    ) as told
    group by
        source,
        known_from
),

so_far as (
    select
        source,
        known_from,
        lead(known_from) over in_time as known_until,
        sum(closed_deals) over in_order as closed_deals,
        sum(shared) over in_order as shared,
        sum(squared) over in_order as squared
    from by_month
    window
        in_time as (
            partition by source
            order by known_from
        ),
        in_order as (
            partition by source
            order by known_from
            rows between unbounded preceding and current row
        )
),

forecast_months as (
    select
        subjects.series,
        subjects.forecast_month_number,
        subjects.source,
        -- today's month is not over
        subjects.forecast_month_number - case when subjects.series = 'as_of' then 1 else 0 end as known_month_number
    from {{ ref('int_forecast_subjects') }} as subjects
    cross join {{ ref('stg_config__run') }} as run
    where
        subjects.series = 'month_end'
        or subjects.forecast_on = run.as_of_date
    group by all
)

select
    forecast_months.series,
    forecast_months.forecast_month_number,
    forecast_months.source,
    cast(coalesce(so_far.closed_deals, 0) as bigint) as closed_deals,
    case
        when so_far.closed_deals >= {{ forecast_min_closed() }} and so_far.squared > 0
            then greatest(0.0, least(1.0, so_far.shared / so_far.squared))
        else 1.0
    end as our_weight
from forecast_months
left join so_far
    on forecast_months.source = so_far.source
    and forecast_months.known_month_number >= so_far.known_from
    and forecast_months.known_month_number < coalesce(so_far.known_until, 999999)
