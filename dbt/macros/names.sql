{# Schemas are named as the contract names them, without a prefix for the target. #}
{% macro generate_schema_name(custom_schema_name, node) %}
    {{- custom_schema_name or target.schema -}}
{% endmacro %}

{# The first of the ids in a cell; a feed without a separator has one per cell. #}
{% macro first_id(cell, separator) -%}
    trim(split_part({{ cell }}, coalesce({{ separator }}, chr(31)), 1))
{%- endmacro %}

{# One row per id in a cell. #}
{% macro ids_in(cell, separator) -%}
    {{ parts_of(cell, 'coalesce(' ~ separator ~ ', chr(31))') }}
{%- endmacro %}

{# Every entity of the lake → the column by which its rows are named; config/entities.py says the same. #}
{% macro entity_keys() -%}
    {{ return({
        'deals': 'deal_id', 'deal_changes': 'deal_id', 'deal_versions': 'deal_id', 'leads': 'lead_id',
        'activities': 'activity_id', 'owners': 'owner_id', 'accounts': 'account_id', 'stages': 'stage_id',
        'spend': 'campaign', 'revenue': 'account_id', 'exchange_rates': 'currency',
    }) }}
{%- endmacro %}
