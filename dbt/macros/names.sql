{# Schemas are named as the contract names them, without a prefix for the target. #}
{% macro generate_schema_name(custom_schema_name, node) %}
    {{- custom_schema_name or target.schema -}}
{% endmacro %}

{# A pipeline as configured, else as the CRM writes it, `default` where it has none. #}
{% macro pipeline_as_configured(given, configured) -%}
    coalesce({{ configured }}, {{ given }}, 'default')
{%- endmacro %}
