-- The records behind each cause of a restated cell: one row a field that changed.
{% set of_metrics = {} %}
{% set parts = metric_parts() %}
{% for part in parts if part not in parts_of_means() and part != 'won_deals_with_cycle' %}
    {%- do of_metrics.update({part: [part]}) %}
{%- endfor %}
{% for metric, (numerator, denominator) in metric_quotients().items() %}
    {%- set touched = [] %}
    {%- set words = (numerator ~ ' ' ~ denominator).replace('(', ' ').replace(')', ' ').split() %}
    {%- for part in parts if part in words %}
    {%- do touched.append(part) %}
    {%- endfor %}
    {%- do of_metrics.update({metric: touched}) %}
{%- endfor %}
{% for metric, touched in metrics_without_parts().items() if touched %}
    {%- do of_metrics.update({metric: touched}) %}
{%- endfor %}
{% set fields = {
    'status': 'status', 'created_on': 'created_on', 'closed_on': 'closed_on', 'pipeline': 'pipeline_value',
    'owner': 'owner_key', 'segment': 'segment', 'lead_source': 'lead_source', 'amount': 'amount', 'currency': 'currency',
    'amount_reporting': 'amount_reporting', 'is_qualified': 'is_qualified', 'is_first_win': 'is_first_win',
    'sales_cycle_days': 'sales_cycle_days', 'is_converted': 'is_converted', 'response_hours': 'response_hours',
    'is_answered_within_sla': 'is_answered_within_sla', 'is_unanswered': 'is_unanswered',
} %}

with records as (
    select * from {{ ref('int_restated_records') }}
),

changes as (
    -- it came, or went
    select
        entity,
        record_key,
        cause,
        'record' as field,
        case when was_counted then coalesce(status_before, 'counted') when was_deleted then 'deleted' end as before,
        case
            when is_counted then coalesce(status_now, 'counted')
            when is_merged then 'merged'
            when is_deleted then 'deleted'
        end as now,
        file,
        row_number
    from records
    where was_counted != is_counted
    {%- for field, column in fields.items() %}

    union all

    select
        entity,
        record_key,
        cause,
        '{{ field }}' as field,
        cast({{ column }}_before as string) as before,
        cast({{ column }}_now as string) as now,
        file,
        row_number
    from records
    where
        was_counted
        and is_counted
        and {{ column }}_before is distinct from {{ column }}_now
    {%- endfor %}
    {%- for name in grain_fields() %}

    union all

    select
        entity,
        record_key,
        cause,
        '{{ name }}' as field,
        {{ json_value('grain_fields_before', name) }} as before,
        {{ json_value('grain_fields_now', name) }} as now,
        file,
        row_number
    from records
    where
        was_counted
        and is_counted
        and {{ json_value('grain_fields_before', name) }} is distinct from {{ json_value('grain_fields_now', name) }}
    {%- endfor %}
),

touching as (
    {%- for metric, touched in of_metrics.items() %}
    select
        month,
        grain,
        grain_value,
        '{{ metric }}' as metric,
        cause,
        entity,
        record_key
    from {{ ref('int_restated_parts') }}
    where
        false
        {%- for part in touched %}
        or abs({{ part }}) > 1e-9
        {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    restated.month,
    restated.metric,
    restated.grain,
    restated.grain_value,
    restated.cause,
    touching.entity,
    touching.record_key,
    changes.field,
    changes.before,
    changes.now,
    changes.file,
    changes.row_number
from {{ ref('restatements') }} as restated
inner join touching
    on restated.month = touching.month
    and restated.metric = touching.metric
    and restated.grain = touching.grain
    and restated.grain_value is not distinct from touching.grain_value
    and (restated.cause = touching.cause or restated.cause = 'several')
inner join changes
    on touching.entity = changes.entity
    and touching.record_key = changes.record_key
    and touching.cause = changes.cause
