with run as (
    select * from {{ ref('stg_config__run') }}
),

forecasts as (
    select forecasts.*
    from {{ ref('int_forecasts') }} as forecasts
    cross join run
    where
        forecasts.series = 'month_end'
        and forecasts.month < {{ month_of('run.as_of_date') }}
),

-- the naive forecasts say of the same deals, those open on that day, what such deals brought before
trailing_means as (
    select
        forecasts.forecast_on,
        forecasts.source,
        forecasts.pipeline,
        forecasts.step,
        avg(earlier.won_amount) as won_amount
    from forecasts
    inner join forecasts as earlier
        on forecasts.source = earlier.source
        and forecasts.pipeline = earlier.pipeline
        and forecasts.step = earlier.step
        and forecasts.forecast_month_number >= earlier.forecast_month_number + earlier.step
        and forecasts.forecast_month_number < earlier.forecast_month_number + earlier.step + 12
    group by
        forecasts.forecast_on,
        forecasts.source,
        forecasts.pipeline,
        forecasts.step
),

intervals as (
    select
        forecasts.*,
        {{ forecast_interval('forecasts', 'widths') }}
    from forecasts
    left join {{ ref('int_forecast_widths') }} as widths
        on forecasts.series = widths.series
        and forecasts.forecast_month_number = widths.forecast_month_number
        and forecasts.source = widths.source
        and forecasts.pipeline = widths.pipeline
        and forecasts.step = widths.step
)

select
    forecasts.forecast_on,
    forecasts.source,
    forecasts.pipeline,
    forecasts.month,
    cast(forecasts.step as integer) as months_ahead,
    forecasts.open_deals,
    cast(forecasts.open_amount as decimal(18, 2)) as open_amount,
    forecasts.deals_without_amount,
    {{ to_the_cent('forecasts.assumed_amount') }} as assumed_amount,
    forecasts.expected_deals,
    {{ to_the_cent('forecasts.expected_amount') }} as expected_amount,
    {{ to_the_cent('forecasts.low_amount') }} as low_amount,
    {{ to_the_cent('forecasts.high_amount') }} as high_amount,
    forecasts.won_deals as actual_deals,
    cast(forecasts.won_amount as decimal(18, 2)) as actual_amount,
    {{ to_the_cent('forecasts.expected_amount') }} - cast(forecasts.won_amount as decimal(18, 2)) as error,
    cast(forecasts.won_amount as decimal(18, 2)) between {{ to_the_cent('forecasts.low_amount') }}
    and {{ to_the_cent('forecasts.high_amount') }} as is_within_interval,
    {{ to_the_cent('forecasts.crm_amount') }} as crm_amount,
    cast(last_year.won_amount as decimal(18, 2)) as last_year_amount,
    {{ to_the_cent('trailing_means.won_amount') }} as trailing_mean_amount
from intervals as forecasts
left join forecasts as last_year
    on forecasts.source = last_year.source
    and forecasts.pipeline = last_year.pipeline
    and forecasts.step = last_year.step
    and forecasts.forecast_month_number = last_year.forecast_month_number + 12
left join trailing_means
    on forecasts.forecast_on = trailing_means.forecast_on
    and forecasts.source = trailing_means.source
    and forecasts.pipeline = trailing_means.pipeline
    and forecasts.step = trailing_means.step
