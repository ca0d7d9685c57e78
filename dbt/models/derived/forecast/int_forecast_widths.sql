-- How wide an interval has to be, in standard deviations of the forecast, so that it would have held the wanted share
-- of what earlier forecasts of the same pipeline, at most as far ahead, came to (split conformal prediction).
with errors as (
    select
        source,
        pipeline,
        step,
        -- the month whose end told the error
        forecast_month_number + step as known_from,
        abs(cast(won_amount as double) - expected_amount) / nullif(deviation_amount, 0) as deviations
    from {{ ref('int_forecasts') }}
    -- of a month that is not over at any of the dates nothing is known at any
    where deviation_amount > 0
),

-- today's forecast is judged by those of month-ends, the rest of its own month by the first month ahead
wanted as (
    select distinct
        series,
        forecast_month_number,
        source,
        pipeline,
        step,
        greatest(step, 1) as error_step,
        forecast_month_number - case when series = 'as_of' then 1 else 0 end as known_month_number
    from {{ ref('int_forecasts') }}
),

ranked as (
    select
        wanted.series,
        wanted.forecast_month_number,
        wanted.source,
        wanted.pipeline,
        wanted.step,
        errors.deviations,
        row_number() over (
            partition by
                wanted.series, wanted.forecast_month_number, wanted.source, wanted.pipeline, wanted.step
            order by errors.deviations
        ) as place,
        count(*) over (
            partition by
                wanted.series, wanted.forecast_month_number, wanted.source, wanted.pipeline, wanted.step
        ) as errors_known
    from wanted
    inner join errors
        on wanted.source = errors.source
        and wanted.pipeline = errors.pipeline
        and wanted.error_step >= errors.step
        and wanted.known_month_number >= errors.known_from
)

select
    series,
    forecast_month_number,
    source,
    pipeline,
    step,
    errors_known,
    -- the smallest that so many of them are within; of fewer than four, at least as wide as of a normal distribution
    greatest(
        min(deviations),
        case when errors_known < (errors_known + 1) * {{ forecast_interval_level() }} then 1.2816 else 0 end
    ) as deviations
from ranked
where
    place >= (errors_known + 1) * {{ forecast_interval_level() }}
    or place = errors_known
group by
    series,
    forecast_month_number,
    source,
    pipeline,
    step,
    errors_known
