with visits as (
    select
        *,
        {{ month_of('entered_on') }} as month,
        outcome != 'open' as has_ended
    from {{ ref('fct_stage_visits') }}
),

counted as (
    select
        month,
        source,
        pipeline,
        stage,
        count(*) as entered,
        count(case when outcome = 'advanced' then 1 end) as advanced,
        count(case when outcome = 'regressed' then 1 end) as regressed,
        count(case when outcome = 'lost' then 1 end) as lost,
        count(case when outcome = 'open' then 1 end) as open,
        avg(case when has_ended then days_in_stage end) as days_in_stage_mean,
        {{ median('case when has_ended then days_in_stage end') }} as days_in_stage_median
    from visits
    group by
        month,
        source,
        pipeline,
        stage
),

-- Kaplan-Meier: visits still open count as far as they have come
curve as (
    {{ survival_curve('visits', ['month', 'source', 'pipeline', 'stage'], 'days_in_stage', {
        'ended': 'count(case when has_ended then 1 end)',
    }) }}
),

quantiles as (
    select
        month,
        source,
        pipeline,
        stage,
        {{ first_day_at_most(0.5, 'still_there', 'days_in_stage') }} as km_median,
        {{ first_day_at_most(0.1, 'still_there', 'days_in_stage') }} as km_p90
    from curve
    group by
        month,
        source,
        pipeline,
        stage
),

months as (
    select distinct month
    from {{ ref('mart_monthly_metrics') }}
    where grain = 'all'
),

stages as (
    select * from {{ ref('dim_stages') }}
    where
        not is_won
        and not is_lost
)

select
    months.month,
    stages.source,
    stages.pipeline,
    stages.stage,
    stages.stage_order,
    stages.canonical_stage,
    coalesce(counted.entered, 0) as entered,
    coalesce(counted.advanced, 0) as advanced,
    coalesce(counted.regressed, 0) as regressed,
    coalesce(counted.lost, 0) as lost,
    coalesce(counted.open, 0) as open,
    {{ ratio('counted.lost', 'counted.advanced + counted.regressed + counted.lost') }} as drop_off_rate,
    {{ ratio('counted.advanced', 'counted.advanced + counted.regressed + counted.lost') }} as conversion_rate,
    counted.days_in_stage_mean,
    counted.days_in_stage_median,
    quantiles.km_median as days_in_stage_km_median,
    quantiles.km_p90 as days_in_stage_km_p90
from months
cross join stages
left join counted
    on months.month = counted.month
    and stages.source = counted.source
    and stages.pipeline = counted.pipeline
    and stages.stage = counted.stage
left join quantiles
    on months.month = quantiles.month
    and stages.source = quantiles.source
    and stages.pipeline = quantiles.pipeline
    and stages.stage = quantiles.stage
