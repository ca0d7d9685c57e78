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
