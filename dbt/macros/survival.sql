{#
    Spells that end or are still open, as the curve of how many last beyond each day (Kaplan-Meier): one row per group
    and day on which a spell ended or was last seen. `spells` has one row per spell with its length `day`; `counts`
    are aggregates by day, `ended` among them. The result has the columns of `by`, `day`, those of `counts`, and
      left_view      spells of exactly this length, ended or open
      at_risk        spells at least this long: those that end on one day are all at risk on it, with those last seen
      still_there    share that lasts beyond this day: the product of 1 - ended / at_risk so far
      was_there      the same before this day
      greenwood      sum of ended / (at_risk × (at_risk - ended)) so far: the variance of ln(still_there)
#}
{% macro survival_curve(spells, by, day, counts) -%}
    select
        *,
        coalesce(
            lag(still_there) over (partition by {{ by | join(', ') }} order by {{ day }}),
            1.0
        ) as was_there
    from (
        select
            *,
            {{ survival('ended', 'at_risk', so_far(by, day)) }} as still_there,
            {{ sum_so_far(
                'case when ended < at_risk then cast(ended as double) / at_risk / (at_risk - ended) else 0.0 end', by, day
            ) }} as greenwood
        from (
            select
                *,
                cast({{ sum_so_far('left_view', by, day ~ ' desc') }} as bigint) as at_risk
            from (
                select
                    {{ by | join(', ') }},
                    {{ day }},
                    {%- for name, aggregate in counts.items() %}
                    {{ aggregate }} as {{ name }},
                    {%- endfor %}
                    count(*) as left_view
                from {{ spells }}
                group by
                    {{ by | join(', ') }},
                    {{ day }}
            ) as by_day
        ) as days_at_risk
    ) as days_survived
{%- endmacro %}

{#
    What part of a group is still there after a row of a life table, over the rows of a window: the product of
    1 - ended / at_risk (Kaplan-Meier), as a sum of logarithms. Once all have ended nobody is left.
#}
{% macro survival(ended, at_risk, window) -%}
    case
        when max(case when {{ ended }} = {{ at_risk }} and {{ ended }} > 0 then 1 else 0 end) over {{ window }} = 1 then 0.0
        else exp(
            coalesce(
                sum(
                    case
                        when {{ ended }} < {{ at_risk }} then ln(1.0 - cast({{ ended }} as double) / {{ at_risk }})
                    end
                ) over {{ window }},
                0.0
            )
        )
    end
{%- endmacro %}

{% macro sum_so_far(value, by, order) -%} sum({{ value }}) over {{ so_far(by, order) }} {%- endmacro %}

{# The rows of a group up to this one, as a window. #}
{% macro so_far(by, order) -%}
    (
        partition by {{ by | join(', ') }}
        order by {{ order }}
        rows between unbounded preceding and current row
    )
{%- endmacro %}

{#
    The first day on which at most this share is left; NULL if that never comes. A billionth of tolerance, so that an
    exact half is a half in floating point too. `left` is a curve's column, or a bound of it.
#}
{% macro first_day_at_most(share, left, day) -%}
    min(case when {{ left }} <= {{ share }} + 1e-9 then {{ day }} end)
{%- endmacro %}

{#
    A bound of the pointwise 95 % interval of a probability with this variance, by its log(-log): it stays between 0
    and 1. Where the probability is 0 or 1 there is nothing to be uncertain of, or nothing known: the bound is NULL.
#}
{% macro log_log_bound(probability, variance, bound) -%}
    case
        when {{ probability }} > 0 and {{ probability }} < 1
            then exp(
                -exp(
                    ln(-ln({{ probability }}))
                    {{ '-' if bound == 'upper' else '+' }} 1.959963984540054
                    * sqrt(greatest({{ variance }}, 0)) / ({{ probability }} * -ln({{ probability }}))
                )
            )
    end
{%- endmacro %}
