-- What each record that is counted otherwise adds to the parts of the metrics, by cell: now less before.
{% set parts = metric_parts() %}
{% set grains = restated_grains() %}

-- months that the last publication had; what is of later ones restates nothing
with months as (
    select distinct month
    from {{ ref('stg_published__cells') }}
    where grain = 'all'
),

sides as (
    {%- for side, sign in {'before': -1, 'now': 1}.items() %}
    select
        entity,
        record_key,
        cause,
        {{ sign }} as sign,
        source,
        pipeline_value_{{ side }} as pipeline_value,
        owner_key_{{ side }} as owner_key,
        segment_{{ side }} as segment,
        lead_source_{{ side }} as lead_source,
        grain_fields_{{ side }} as grain_fields,
        status_{{ side }} as status,
        created_month_{{ side }} as created_month,
        closed_month_{{ side }} as closed_month,
        amount_reporting_{{ side }} as amount_reporting,
        is_qualified_{{ side }} as is_qualified,
        is_first_win_{{ side }} as is_first_win,
        sales_cycle_days_{{ side }} as sales_cycle_days,
        is_converted_{{ side }} as is_converted,
        response_hours_{{ side }} as response_hours,
        is_answered_within_sla_{{ side }} as is_answered_within_sla,
        is_unanswered_{{ side }} as is_unanswered,
        rows_without_rate_{{ side }} as rows_without_rate
    from {{ ref('int_restated_records') }}
    where {{ 'was' if side == 'before' else 'is' }}_counted
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

counted as (
    {%- for counts_in in ['created', 'closed', 'worked'] %}
    select
        months.month,
        sides.*
        {%- for part, (of_month, entity, value) in parts.items() %},
        {% if of_month == counts_in -%}
        case when sides.entity = '{{ entity }}' then cast({{ value }} as double) else 0 end
        {%- else -%}
        cast(0 as double)
        {%- endif %} as {{ part }}
        {%- endfor %}
    from months
    inner join sides
        {%- if counts_in == 'worked' %}
        on sides.entity = 'deals'
        and months.month >= sides.created_month
        and (sides.closed_month is null or months.month <= sides.closed_month)
        {%- else %}
        on months.month = sides.{{ counts_in }}_month
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

by_grain as (
    {%- for grain, value in grains.items() %}
    select
        *,
        '{{ grain }}' as grain,
        {{ value }} as grain_value
    from counted
    {%- if grain in ('pipeline', 'segment') %}
    where
        entity != 'leads'
        and (entity = 'deals' or {{ value }} is not null)
    {%- elif grain in ('owner', 'lead_source') %}
    where entity != 'spend' or {{ value }} is not null
    {%- elif grain in grain_fields() %}
    where entity = 'deals'
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

summed as (
    select
        month,
        grain,
        grain_value,
        entity,
        record_key,
        cause
        {%- for part in parts %},
        sum(sign * {{ part }}) as {{ part }}
        {%- endfor %}
    from by_grain
    group by
        month,
        grain,
        grain_value,
        entity,
        record_key,
        cause
)

select *
from summed
where
    false
    {%- for part in parts %}
    or abs({{ part }}) > 1e-9
    {%- endfor %}
