{#
    A relation with amount_reporting: its amount at the latest rate dated on or before `wanted_on`, a day of the row (at
    most the as-of day). NULL where there is none, or only one older than thresholds.max_rate_age_days.
#}
{% macro in_reporting_currency(relation, wanted_on) -%}
    select
        priced.*,
        cast(
            round(
                priced.amount * case
                    when priced.currency = run.currency then 1
                    when {{ days_between('rates.rate_on', 'least(priced.' ~ wanted_on ~ ', run.as_of_date)') }} <= run.max_rate_age_days
                        then cast(rates.rate as decimal(18, 8))
                end,
                2
            ) as decimal(18, 2)
        ) as amount_reporting
    from {{ relation }} as priced
    cross join {{ source('config', 'run') }} as run
    left join {{ ref('stg_exchange_rates') }} as rates
        on priced.currency = rates.currency
        and least(priced.{{ wanted_on }}, run.as_of_date) >= rates.rate_on
        and least(priced.{{ wanted_on }}, run.as_of_date) < coalesce(rates.next_rate_on, {{ for_ever() }})
{%- endmacro %}
