{# What the forecast and its backtest agree on. #}

{# How many months a forecast looks ahead, beside the rest of its own. #}
{% macro forecast_horizon_months() %}6{% endmacro %}

{#
    How many months deals are followed beside the rest of their own: what is still open then is open for ever, as far as
    odds go.
#}
{% macro forecast_followed_months() %}24{% endmacro %}

{# From how many closed deals of a source on the CRM's own odds are combined with ours. #}
{% macro forecast_min_closed() %}60{% endmacro %}

{# What tells deals apart that the odds are worked out for: the columns of int_forecast_odds. #}
{% macro same_odds(deals, odds) -%}
    {{ deals }}.series = {{ odds }}.series
    and {{ deals }}.forecast_month_number = {{ odds }}.forecast_month_number
    and {{ deals }}.source = {{ odds }}.source
    and {{ deals }}.pipeline = {{ odds }}.pipeline
    and coalesce({{ deals }}.stage, '') = {{ odds }}.stage
    and {{ deals }}.close_bucket = {{ odds }}.close_bucket
    and {{ deals }}.age_band = {{ odds }}.age_band
    and not {{ odds }}.is_base
{%- endmacro %}

{#
    What the CRM itself says of some months ahead: it expects the close in one of them or not, and the deal is then won with
    its stage's probability, or lost. NULL where it says no probability or expects no close at all. One that is overdue
    it expects in no month to come.
#}
{% macro crm_odds_within(deals, first_step, last_step, outcome='won') -%}
    {%- set probability = deals ~ '.crm_probability' if outcome == 'won' else '(1 - ' ~ deals ~ '.crm_probability)' -%}
    case
        when {{ deals }}.close_bucket = 'none' then null
        when {{ deals }}.expected_step between {{ first_step }} and {{ last_step }} then {{ probability }}
        else 0 * {{ deals }}.crm_probability
    end
{%- endmacro %}

{# Our odds and the CRM's as one; where the CRM has none, ours alone. #}
{% macro combined_odds(ours, crm, our_weight) -%}
    coalesce({{ our_weight }} * {{ ours }} + (1 - {{ our_weight }}) * {{ crm }}, {{ ours }})
{%- endmacro %}

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

{# The months ahead that each horizon of the outlook is of; the month of a month-end is over, so the next one is this. #}
{% macro outlook_horizons() -%}
    {{ return({
        'this_month': ('first_step', 'first_step'),
        'next_month': ('first_step + 1', 'first_step + 1'),
        'this_quarter': ('first_step', 'quarter_step'),
        'ever': ('first_step', forecast_followed_months()),
    }) }}
{%- endmacro %}

{# The odds that the calibration judges, and where they stand. #}
{% macro outlook_kinds_of_odds() -%}
    {{ return({'ours': 'our_won', 'crm': 'crm_won', 'combined': 'combined_won', 'base': 'base_won'}) }}
{%- endmacro %}

{# How many months later odds of the end are judged: by then nearly all have ended. #}
{% macro outlook_ever_judged_after() %}12{% endmacro %}

{# A bound of Wilson's 95 % interval of a share of so many. #}
{% macro wilson_bound(share, number, bound) -%}
    (
        {{ share }} + 1.959963984540054 * 1.959963984540054 / (2 * {{ number }})
        {{ '-' if bound == 'lower' else '+' }} 1.959963984540054 * sqrt(
            {{ share }} * (1 - {{ share }}) / {{ number }}
            + 1.959963984540054 * 1.959963984540054 / (4.0 * {{ number }} * {{ number }})
        )
    ) / (1 + 1.959963984540054 * 1.959963984540054 / {{ number }})
{%- endmacro %}

{#
    What is left of figures that come to the same is nothing. Sums of floating numbers come in another order every night, and
    a trifle of 1e-16 beside nothing would be another row.
#}
{% macro without_trifle(value) -%} case when abs({{ value }}) < 1e-12 then 0.0 else {{ value }} end {%- endmacro %}
