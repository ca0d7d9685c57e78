{%- set by = ['source', 'pipeline', 'cohort_month'] -%}
-- How likely a deal has been won, has been lost, or is still open at each age (Aalen-Johansen): deals still open count
-- as far as they have come, so that a young cohort is not judged by the few of it that were quick.
with run as (
    select * from {{ ref('stg_config__run') }}
),

deals as (
    select
        deals.source,
        deals.pipeline,
        deals.status,
        deals.created_on,
        case
            when deals.status = 'open' then run.as_of_date
            else {{ day_in('deals.closed_at', 'run.timezone') }}
        end as last_seen_on
    from {{ ref('fct_deals') }} as deals
    cross join run
    where
        deals.status != 'deleted'
        and not deals.created_at_is_estimated
),

aged as (
    select
        source,
        pipeline,
        status,
        {{ month_of('created_on') }} as created_month,
        cast(greatest({{ days_between('created_on', 'last_seen_on') }}, 0) as bigint) as age_days
    from deals
),

cohorts as (
    select
        source,
        pipeline,
        -- all of them
        cast(null as date) as cohort_month,
        status,
        age_days
    from aged

    union all

    select
        source,
        pipeline,
        created_month as cohort_month,
        status,
        age_days
    from aged
),

curve as (
    {{ survival_curve('cohorts', by, 'age_days', {
        'ended': "count(case when status != 'open' then 1 end)",
        'won': "count(case when status = 'won' then 1 end)",
        'lost': "count(case when status = 'lost' then 1 end)",
        'censored': "count(case when status = 'open' then 1 end)",
    }) }}
),

-- won at this age: those open until then, times the share of them that was won; and so for lost
incidence as (
    select
        *,
        {{ sum_so_far('was_there * won / at_risk', by, 'age_days') }} as won_probability,
        {{ sum_so_far('was_there * lost / at_risk', by, 'age_days') }} as lost_probability
    from curve
),

-- what the variance of won_probability (Greenwood's, by the delta method) adds up at each age
terms as (
    select
        *,
        case when ended < at_risk then cast(ended as double) / at_risk / (at_risk - ended) else 0.0 end as of_leaving,
        was_there * was_there * won * (at_risk - won) / (cast(at_risk as double) * at_risk * at_risk) as of_winning,
        was_there * won / (cast(at_risk as double) * at_risk) as of_both
    from incidence
),

varied as (
    select
        *,
        won_probability * won_probability * greenwood
        - 2 * won_probability * {{ sum_so_far('won_probability * of_leaving', by, 'age_days') }}
        + {{ sum_so_far('won_probability * won_probability * of_leaving', by, 'age_days') }}
        + {{ sum_so_far('of_winning', by, 'age_days') }}
        - 2 * won_probability * {{ sum_so_far('of_both', by, 'age_days') }}
        + 2 * {{ sum_so_far('won_probability * of_both', by, 'age_days') }} as won_variance
    from terms
)

select
    source,
    pipeline,
    coalesce(substring(cast(cohort_month as string), 1, 7), 'all') as cohort,
    cohort_month,
    age_days,
    at_risk,
    won,
    lost,
    censored,
    won_probability,
    {{ log_log_bound('won_probability', 'won_variance', 'lower') }} as won_probability_low,
    {{ log_log_bound('won_probability', 'won_variance', 'upper') }} as won_probability_high,
    lost_probability,
    still_there as open_probability
from varied
