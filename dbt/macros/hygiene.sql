{# What hygiene rules look at, where several models need it. #}

{# Whether a key names a record that was forgotten (`dealtrail forget`): it is missed by nobody. #}
{% macro is_forgotten(key) -%}
    coalesce({{ key }} like '%:forgotten-________________', false)
{%- endmacro %}

{# Whether the person responsible is there to act: `active`, `deactivated`, `unknown`; NULL where nobody is, or who is was forgotten. #}
{% macro owner_state(owner_key, owners) -%}
    case
        when {{ owner_key }} is null or {{ is_forgotten(owner_key) }} then null
        when {{ owners }}.owner_key is null then 'unknown'
        when not {{ owners }}.is_active then 'deactivated'
        else 'active'
    end
{%- endmacro %}

{# Fields a stage can require that have no rule of their own (config/values.py: DealField), those of the configuration included, and where they stand. #}
{% macro other_required_fields() -%}
    {%- set values = {
        'deal_name': 'deals.deal_name',
        'lead': 'deals.lead_key',
        'lead_source': 'deals.lead_source',
        'segment': 'deals.segment',
    } -%}
    {%- for name in fields_of('deals') -%}{%- do values.update({name: json_value('deals.fields', name)}) -%}{%- endfor -%}
    {{ return(values) }}
{%- endmacro %}

{# Whether the stage of a deal requires a field; where its stage is not known, whether every stage does. #}
{% macro requires(field) -%}
    array_contains(coalesce(limits.required_fields, run.required_fields), '{{ field }}')
{%- endmacro %}

{# Limits in days that are `auto`, as long as the history of a stage is too short for one. #}
{% macro days_without_history() -%}
    {{ return({'stale_after_days': 30, 'max_days_in_stage': 60}) }}
{%- endmacro %}

{# A share beside the usual one, as people read it: `amount 40.0 % (usually 2.5 %)`. #}
{% macro compared_share(name, share, usual_share) -%}
    concat_ws('', {{ name }}, ' ', round(100 * {{ share }}, 1), ' % (usually ', round(100 * {{ usual_share }}, 1), ' %)')
{%- endmacro %}
