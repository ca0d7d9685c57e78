with run as (
    select * from {{ source('config', 'run') }}
),

visits as (
    select
        visits.*,
        cast(date_trunc('month', {{ day_in('visits.entered_at', 'run.timezone') }}) as date) as month,
        visits.outcome != 'open' as has_ended
    from {{ ref('fct_stage_visits') }} as visits
    cross join run
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
by_day as (
    select
        month,
        source,
        pipeline,
        stage,
        days_in_stage,
        count(case when has_ended then 1 end) as ended,
        count(*) as left_view
    from visits
    group by
        month,
        source,
        pipeline,
        stage,
        days_in_stage
),

at_risk as (
    select
        *,
        sum(left_view) over (
            partition by month, source, pipeline, stage
            order by days_in_stage desc
            rows between unbounded preceding and current row
        ) as at_risk
    from by_day
),

survival as (
    select
        *,
        -- the product of 1 - ended / at_risk so far, as a sum of logarithms; once all have ended nobody is left
        case
            when max(case when ended = at_risk then 1 else 0 end) over so_far = 1 then 0.0
            else exp(sum(case when ended < at_risk then ln(1.0 - cast(ended as double) / at_risk) end) over so_far)
        end as still_there
    from at_risk
    window so_far as (
        partition by month, source, pipeline, stage
        order by days_in_stage
        rows between unbounded preceding and current row
    )
),

quantiles as (
    select
        month,
        source,
        pipeline,
        stage,
        -- a billionth of tolerance, so that an exact half is a half in floating point too
        min(case when ended > 0 and still_there <= 0.5 + 1e-9 then days_in_stage end) as km_median,
        min(case when ended > 0 and still_there <= 0.1 + 1e-9 then days_in_stage end) as km_p90
    from survival
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
