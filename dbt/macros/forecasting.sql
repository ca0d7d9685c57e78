{# What the forecast and its backtest agree on. #}

{# How many months a forecast looks ahead, beside the rest of its own. #}
{% macro forecast_horizon_months() %}6{% endmacro %}

{# A cell of the past is only believed with so many deals that were followed for the whole time. #}
{% macro forecast_min_followed() %}30{% endmacro %}

{# What share of the outcomes an interval is meant to hold. #}
{% macro forecast_interval_level() %}0.8{% endmacro %}

{# The month-ends that the backtest forecasts from, whether anything is open on them or not. #}
{% macro forecast_month_ends() -%}
    select
        'month_end' as series,
        max(dates.date_day) as forecast_on
    from {{ ref('dim_dates') }} as dates
    cross join {{ ref('stg_config__run') }} as run
    group by
        dates.month,
        run.as_of_date
    having max(dates.date_day) < run.as_of_date
{%- endmacro %}

{# By which the open deals of a forecast are compared with those of the past, from the finest to the coarsest. #}
{% macro forecast_levels() -%}
    {{ return([
        ['stage', 'close_bucket', 'age_band'],
        ['stage', 'close_bucket'],
        ['stage', 'age_band'],
        ['stage'],
        ['age_band'],
        [],
    ]) }}
{%- endmacro %}

{#
    low_amount and high_amount of a forecast; of a normal distribution, four in five lie within 1.2816 deviations. Amounts
    below zero are legal, and of a forecast below zero the interval has no floor.
#}
{% macro forecast_interval(forecasts, widths) -%}
    case
        when {{ forecasts }}.expected_amount is not null
            then greatest(
                case when {{ forecasts }}.expected_amount >= 0 then 0 end,
                {{ forecasts }}.expected_amount
                - coalesce({{ widths }}.deviations, 1.2816) * {{ forecasts }}.deviation_amount
            )
    end as low_amount,
        {{ forecasts }}.expected_amount + coalesce({{ widths }}.deviations, 1.2816) * {{ forecasts }}.deviation_amount
            as high_amount
{%- endmacro %}

{#
    An estimate in whole cents, the same in every build: sums of floating numbers come in another order every time, and half
    a cent must not fall to either side. Six decimals drop what the order changes.
#}
{% macro to_the_cent(estimate) -%} cast(cast({{ estimate }} as decimal(24, 6)) as decimal(18, 2)) {%- endmacro %}
