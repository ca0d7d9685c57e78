with run as (
    select * from {{ ref('stg_config__run') }}
),

forecasts as (
    select
        forecasts.*,
        {{ forecast_interval('forecasts', 'widths') }}
    from {{ ref('int_forecasts') }} as forecasts
    left join {{ ref('int_forecast_widths') }} as widths
        on forecasts.series = widths.series
        and forecasts.forecast_month_number = widths.forecast_month_number
        and forecasts.source = widths.source
        and forecasts.pipeline = widths.pipeline
        and forecasts.step = widths.step
    where forecasts.series = 'as_of'
),

-- what this month has brought already, by the same clock
won_so_far as (
    select
        spells.source,
        spells.pipeline,
        sum(coalesce(spells.closing_amount, 0)) as won_amount
    from {{ ref('int_open_spells') }} as spells
    cross join run
    where
        spells.outcome = 'won'
        and spells.closed_on >= {{ month_of('run.as_of_date') }}
    group by
        spells.source,
        spells.pipeline
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
    cast(
        case when forecasts.step = 0 then coalesce(won_so_far.won_amount, 0) end as decimal(18, 2)
    ) as won_so_far_amount,
    {{ to_the_cent('forecasts.crm_amount') }} as crm_amount
from forecasts
left join won_so_far
    on forecasts.source = won_so_far.source
    and forecasts.pipeline = won_so_far.pipeline
