-- What became of the deals that were open at earlier dates, month by month, by what deals are compared by: how many of
-- those still open were won and lost, as far as was known at the forecast date. Deals that were deleted leave the view
-- at the beginning of that month.
with finest as (
    select
        series,
        forecast_month_number,
        source,
        pipeline,
        coalesce(stage, '') as stage,
        close_bucket,
        age_band,
        case when exit_step <= {{ forecast_followed_months() }} then exit_step end as exit_step,
        case when exit_step <= {{ forecast_followed_months() }} then outcome end as outcome,
        count(*) as deals
    from {{ ref('int_forecast_subjects') }}
    group by all
),

levels as (
    {%- for level in forecast_levels() %}
    select
        {{ loop.index }} as level,
        series,
        forecast_month_number,
        source,
        pipeline,
        {%- for column in ['stage', 'close_bucket', 'age_band'] %}
        {{ column if column in level else "'any'" }} as {{ column }},
        {%- endfor %}
        exit_step,
        outcome,
        deals
    from finest
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

steps as (
    select {{ numbers_to(forecast_followed_months()) }} as step
),

-- of the deals of one earlier date
by_step as (
    select
        levels.level,
        levels.series,
        levels.source,
        levels.pipeline,
        levels.stage,
        levels.close_bucket,
        levels.age_band,
        steps.step,
        -- when this month was over
        levels.forecast_month_number + steps.step + case when levels.series = 'as_of' then 1 else 0 end as known_from,
        sum(
            case
                when coalesce(levels.outcome, '') != 'deleted' or levels.exit_step > steps.step then levels.deals
                else 0
            end
        ) as followed,
        sum(
            case
                when levels.exit_step is null or levels.exit_step > steps.step then levels.deals
                when levels.exit_step = steps.step and levels.outcome != 'deleted' then levels.deals
                else 0
            end
        ) as at_risk,
        sum(case when levels.exit_step = steps.step and levels.outcome = 'won' then levels.deals else 0 end) as won,
        sum(case when levels.exit_step = steps.step and levels.outcome = 'lost' then levels.deals else 0 end) as lost
    from levels
    cross join steps
    cross join {{ ref('stg_config__run') }} as run
    where
        (levels.series = 'as_of' or steps.step > 0)
        -- what is not over tonight was known at no date
        and levels.forecast_month_number + steps.step <= {{ month_number('run.as_of_date') }}
    group by all
),

-- of all dates so far
so_far as (
    select
        level,
        series,
        source,
        pipeline,
        stage,
        close_bucket,
        age_band,
        step,
        known_from,
        lead(known_from) over in_time as known_until,
        sum(followed) over in_order as followed,
        sum(at_risk) over in_order as at_risk,
        sum(won) over in_order as won,
        sum(lost) over in_order as lost
    from by_step
    window
        in_time as (
            partition by level, series, source, pipeline, stage, close_bucket, age_band, step
            order by known_from
        ),
        in_order as (
            partition by level, series, source, pipeline, stage, close_bucket, age_band, step
            order by known_from
            rows between unbounded preceding and current row
        )
),

forecast_months as (
    select distinct
        series,
        forecast_month_number
    from {{ ref('int_forecast_subjects') }}
    cross join {{ ref('stg_config__run') }} as run
    where
        series = 'month_end'
        or forecast_on = run.as_of_date
),

known as (
    select
        so_far.*,
        forecast_months.forecast_month_number
    from so_far
    inner join forecast_months
        on so_far.series = forecast_months.series
        and so_far.known_from <= forecast_months.forecast_month_number
        and coalesce(so_far.known_until, 999999) > forecast_months.forecast_month_number
)

select
    series,
    forecast_month_number,
    source,
    pipeline,
    level,
    stage,
    close_bucket,
    age_band,
    step,
    cast(followed as bigint) as followed,
    cast(at_risk as bigint) as at_risk,
    cast(won as bigint) as won,
    cast(lost as bigint) as lost
from known
