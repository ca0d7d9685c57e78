{#
    The monthly metrics' grains in one aggregation each: `aggregates` of a relation by a month column, for every
    grain that `records` (deals, leads, spend or customers) have. The result has month, grain, grain_value and the aggregates.
    Deals are also cut by the fields that the configuration names; their relation has `field_grains` among its columns.
#}
{% macro by_grain(relation, month, records, aggregates) -%}
    {%- set values = {
        'all': "'all'",
        'source': 'source',
        'pipeline': 'pipeline_value',
        'owner': 'owner_key',
        'segment': 'segment',
        'lead_source': 'lead_source',
    } -%}
    {%- if records == 'deals' %}{% for name in grain_fields() %}{% do values.update({name: '_grain_' ~ name}) %}{% endfor %}{% endif %}
    {%- set grains = {
        'leads': ['all', 'source', 'owner', 'lead_source'],
        'customers': ['all', 'source', 'segment'],
    }.get(records, values.keys() | list) -%}
    {%- for grain in grains %}
    select
        {{ month }} as month,
        '{{ grain }}' as grain,
        {{ values[grain] }} as grain_value,
        {%- for name, aggregate in aggregates.items() %}
        {{ aggregate }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    where {{ month }} is not null
    group by
        {{ month }}{% if grain != 'all' %},
        {{ values[grain] }}{% endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The values of deals in the grains of a configuration, `_grain_<name>`, a line for each. #}
{% macro field_grains(fields) -%}
    {%- for name in grain_fields() %},
        {{ json_value(fields, name) }} as _grain_{{ name }}
    {%- endfor -%}
{%- endmacro %}
