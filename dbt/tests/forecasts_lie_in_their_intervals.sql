-- A forecast lies in its interval, takes no deal for won twice, and is judged by the deals of its day.
with forecasts as (
    select
        forecast_on,
        source,
        pipeline,
        open_deals,
        expected_deals,
        expected_amount,
        low_amount,
        high_amount
    from {{ ref('mart_forecast') }}

    union all

    select
        forecast_on,
        source,
        pipeline,
        open_deals,
        expected_deals,
        expected_amount,
        low_amount,
        high_amount
    from {{ ref('mart_forecast_backtest') }}
)

select
    forecast_on,
    source,
    pipeline
from forecasts
where
    expected_amount not between low_amount and high_amount
    or expected_deals not between 0 and open_deals
    or (expected_amount is null) != (low_amount is null)

union all

select
    forecast_on,
    source,
    pipeline
from {{ ref('mart_forecast_backtest') }}
group by
    forecast_on,
    source,
    pipeline
having sum(actual_deals) > max(open_deals)
