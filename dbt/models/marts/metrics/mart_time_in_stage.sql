-- How long deals stay in each stage, over all their history: what a visit of today is compared with.
with visits as (
    select
        source,
        pipeline,
        stage,
        days_in_stage,
        outcome != 'open' as has_ended
    from {{ ref('fct_stage_visits') }}
),

counted as (
    select
        source,
        pipeline,
        stage,
        count(*) as visits,
        count(case when has_ended then 1 end) as ended,
        count(case when not has_ended then 1 end) as open,
        avg(case when has_ended then days_in_stage end) as days_in_stage_mean,
        {{ median('case when has_ended then days_in_stage end') }} as days_in_stage_median
    from visits
    group by
        source,
        pipeline,
        stage
),

-- Kaplan-Meier: visits still open count as far as they have come
curve as (
    {{ survival_curve('visits', ['source', 'pipeline', 'stage'], 'days_in_stage', {
        'ended': 'count(case when has_ended then 1 end)',
    }) }}
),

bounded as (
    select
        *,
        -- where all have ended nobody is left, whatever the sample
        case
            when still_there = 0 then 0.0
            else {{ log_log_bound('still_there', 'still_there * still_there * greenwood', 'lower') }}
        end as still_there_low,
        case
            when still_there = 0 then 0.0
            else {{ log_log_bound('still_there', 'still_there * still_there * greenwood', 'upper') }}
        end as still_there_high
    from curve
),

quantiles as (
    select
        source,
        pipeline,
        stage,
        {{ first_day_at_most(0.5, 'still_there', 'days_in_stage') }} as km_median,
        {{ first_day_at_most(0.5, 'still_there_low', 'days_in_stage') }} as km_median_low,
        {{ first_day_at_most(0.5, 'still_there_high', 'days_in_stage') }} as km_median_high,
        {{ first_day_at_most(0.25, 'still_there', 'days_in_stage') }} as km_p75,
        {{ first_day_at_most(0.1, 'still_there', 'days_in_stage') }} as km_p90
    from bounded
    group by
        source,
        pipeline,
        stage
),

stages as (
    select * from {{ ref('dim_stages') }}
    where
        not is_won
        and not is_lost
)

select
    stages.source,
    stages.pipeline,
    stages.stage,
    stages.stage_order,
    stages.canonical_stage,
    coalesce(counted.visits, 0) as visits,
    coalesce(counted.ended, 0) as ended,
    coalesce(counted.open, 0) as open,
    counted.days_in_stage_mean,
    counted.days_in_stage_median,
    quantiles.km_median as days_in_stage_km_median,
    quantiles.km_median_low as days_in_stage_km_median_low,
    quantiles.km_median_high as days_in_stage_km_median_high,
    quantiles.km_p75 as days_in_stage_km_p75,
    quantiles.km_p90 as days_in_stage_km_p90
from stages
left join counted
    on stages.source = counted.source
    and stages.pipeline = counted.pipeline
    and stages.stage = counted.stage
left join quantiles
    on stages.source = quantiles.source
    and stages.pipeline = quantiles.pipeline
    and stages.stage = quantiles.stage
