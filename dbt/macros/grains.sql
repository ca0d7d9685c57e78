{# The grains of the monthly metrics, and the column of a deal or a lead that gives each one's value. #}
{% macro deal_grains() %}
    {{ return({
        'all': "'all'",
        'source': 'source',
        'pipeline': 'pipeline_value',
        'owner': 'owner_key',
        'segment': 'segment',
        'lead_source': 'lead_source',
    }) }}
{% endmacro %}

{% macro lead_grains() %}
    {{ return({'all': "'all'", 'source': 'source', 'owner': 'owner_key', 'lead_source': 'lead_source'}) }}
{% endmacro %}

{#
    One aggregation for every grain: `select` the aggregates from a relation, by a month column.
    The result has month, grain, grain_value and the aggregates.
#}
{% macro by_grain(relation, month, grains, aggregates) -%}
    {%- for grain, value in grains.items() %}
    select
        {{ month }} as month,
        '{{ grain }}' as grain,
        {{ value }} as grain_value,
        {%- for name, aggregate in aggregates.items() %}
        {{ aggregate }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    where {{ month }} is not null
    group by
        {{ month }}{% if grain != 'all' %},
        {{ value }}{% endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
