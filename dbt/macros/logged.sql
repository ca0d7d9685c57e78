{# The last value of a field, none where that word emptied it or cannot be read (`max_by` passes over NULL). #}
{% macro last_word(value, field) -%}
    case
        when
            max(position) filter (where field = '{{ field }}' and {{ value }} is not null)
            = max(position) filter (where field = '{{ field }}')
            then max_by({{ value }}, position) filter (where field = '{{ field }}' and {{ value }} is not null)
    end
{%- endmacro %}

{# Sources in which won and lost are statuses beside the stage: those that ever deliver one. #}
{% macro sources_that_tell_a_status() -%}
    select distinct source
    from {{ ref('stg_config__delivered_columns') }}
    where
        entity in ('deals', 'deal_changes')
        and column_name = 'status'
{%- endmacro %}

{#
    Moments at which the expected close date of a deal changed within a minute of a close, before or after it: the CRM's own
    bookkeeping of that close.
#}
{% macro changes_by_a_close(changes) -%}
    select distinct
        moved.deal_key,
        moved.changed_at
    from {{ changes }} as moved
    inner join {{ ref('int_stage_transitions') }} as closes
        on moved.deal_key = closes.deal_key
        and closes.outcome in ('won', 'lost')
        and closes.is_counted
    where
        moved.field = 'expected_close_on'
        and abs({{ seconds_between('closes.entered_at', 'moved.changed_at') }}) <= 60
{%- endmacro %}
