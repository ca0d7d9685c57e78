{# Of the package that `dealtrail dbt-package` writes (dagster_project/transform/dbt_package.py); a night needs none of it. #}

{# Canonical columns of a model in another project as text: NULL, or a constant, where it has none of the name. #}
{% macro text_columns(relation, columns, constants) -%}
    {%- set there = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}{%- do there.append(column.name | lower) -%}{%- endfor -%}
    {%- endif -%}
    {%- for column in columns -%}
    cast({{ column if column in there else "'" ~ constants[column] ~ "'" if column in constants else 'null' }} as string) as {{ column }}
    {{- ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# A list of texts. #}
{% macro text_list(texts) %}{{ adapter.dispatch('text_list')(texts) }}{% endmacro %}
{% macro duckdb__text_list(texts) -%} cast([{% for text in texts %}'{{ text }}'{{ ', ' if not loop.last }}{% endfor %}] as string[]) {%- endmacro %}
{% macro spark__text_list(texts) -%} cast(array({% for text in texts %}'{{ text }}'{{ ', ' if not loop.last }}{% endfor %}) as array<string>) {%- endmacro %}
