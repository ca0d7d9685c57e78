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

{# The CRM's own id in a key. #}
{% macro id_of(key, source) -%} substr({{ key }}, length({{ source }}) + 2) {%- endmacro %}

{# A pipeline's key: also its value in the grain `pipeline`. #}
{% macro pipeline_key(source, pipeline) -%} concat_ws('', {{ source }}, ':', {{ pipeline }}) {%- endmacro %}

{# A stage's key, NULL without a stage; what parts it is written as in addresses where a name has it. #}
{% macro stage_key(source, pipeline, stage) -%}
    {{ source }} || ':' || {{ without_colons(pipeline) }} || ':' || {{ without_colons(stage) }}
{%- endmacro %}
{% macro without_colons(name) -%} replace(replace({{ name }}, '%', '%25'), ':', '%3A') {%- endmacro %}
