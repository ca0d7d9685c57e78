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

{#
    Every entity of the lake, as dagster_project/config/entities.yml lists it: its key, what its rows are (records or
    events), its columns with their kinds, and those that are required. Every call of dbt has it in its environment.
#}
{% macro entities() -%}
    {{ return(fromjson(env_var('DEALTRAIL_ENTITIES'))) }}
{%- endmacro %}
