{#
    A relation with amount_reporting: its amount at the latest rate dated on or before `wanted_on`, a day of the row (at
    most the as-of day). NULL where there is none, or only one that no longer holds.
#}
{% macro in_reporting_currency(relation, wanted_on) -%}
    select
        priced.*,
        {%- set rate -%}
            case
                when priced.currency = run.currency then 1
                when {{ rate_holds('rates', 'least(priced.' ~ wanted_on ~ ', run.as_of_date)') }}
                    then {{ exact_rate('rates.rate') }}
            end
        {%- endset %}
        {{ at_rate('priced.amount', rate) }} as amount_reporting
    from {{ relation }} as priced
    cross join {{ ref('stg_config__run') }} as run
    left join {{ ref('stg_exchange_rates') }} as rates
        on priced.currency = rates.currency
        and least(priced.{{ wanted_on }}, run.as_of_date) >= rates.rate_on
        and least(priced.{{ wanted_on }}, run.as_of_date) < coalesce(rates.next_rate_on, {{ for_ever() }})
{%- endmacro %}

{# Whether a rate still holds on a day: until its end where it has one, else until it is too old. Expects `run`. #}
{% macro rate_holds(rates, day) -%}
    case
        when {{ rates }}.valid_until is not null then {{ day }} <= {{ rates }}.valid_until
        else {{ days_between(rates ~ '.rate_on', day) }} <= run.max_rate_age_days
    end
{%- endmacro %}

{#
    A rate as decimals: with DECIMAL(18,2) it makes DuckDB multiply in DECIMAL(38,12). Two of at most 18 digits it multiplies
    in 18, where a hundred million at eight decimals stops the run. A rate beyond that is none.
#}
{% macro exact_rate(rate) -%} try_cast({{ rate }} as decimal(20, 10)) {%- endmacro %}

{#
    An amount at an exact rate, decimal throughout, so that half a cent rounds as on paper. What DECIMAL(18,2) cannot hold
    is NULL, as without a rate.
#}
{% macro at_rate(amount, rate) -%} try_cast(round({{ amount }} * {{ rate }}, 2) as decimal(18, 2)) {%- endmacro %}
