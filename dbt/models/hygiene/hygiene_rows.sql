-- One row per value or row of a delivered file that could not be taken as it was.
{% set keys = entity_keys() %}
{% set latest = ['deals', 'leads', 'activities', 'owners', 'accounts', 'stages'] %}

with unreadable_stage_dates as (
    select
        source,
        deal_id,
        min(raw_entered_at) as raw_entered_at
    from {{ ref('stg_deal_stage_dates') }}
    where
        entered_at is null
        and raw_entered_at is not null
    group by
        source,
        deal_id
),

-- what a log says of a field, where it cannot be read as what the field is
unreadable_changes as (
    select
        source,
        deal_id,
        field,
        min(
            case
                when field = 'amount' and new_amount is null then new_value
                when field = 'expected_close_on' and new_day is null then new_value
                when field = 'created_at' and new_moment is null then new_value
            end
        ) as unread
    from {{ ref('stg_deal_changes') }}
    where field in ('amount', 'expected_close_on', 'created_at')
    group by
        source,
        deal_id,
        field
),

unreadable as (
    {%- for entity, key in keys.items() %}
    select
        source,
        '{{ entity }}' as entity,
        {{ key }} as record_id,
        {{ parts_of('unparseable_values', unparseable_separator()) }} as cell,
        file_id,
        file_position
    from {{ ref(entity ~ '_rows') }}
    where
        row_state = 'current'
        and unparseable_values is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- the same id more than once in its newest delivery
{%- for entity in latest %}
{{ entity }}_repeated as (
    select
        source,
        {{ keys[entity] }},
        extracted_at
    from {{ ref(entity ~ '_rows') }}
    where
        {{ keys[entity] }} is not null
        and extracted_at = last_delivered_at
    group by
        source,
        {{ keys[entity] }},
        extracted_at
    having count(*) > 1
),
{% endfor %}
repeated as (
    {%- for entity in latest %}
    select
        rows.source,
        '{{ entity }}' as entity,
        '{{ keys[entity] }}' as key_column,
        rows.{{ keys[entity] }} as record_id,
        count(*) as times,
        count(distinct md5(concat_ws(chr(31), {{ content_of(entity) }}))) as contents
    from {{ ref(entity ~ '_rows') }} as rows
    inner join {{ entity }}_repeated as several
        on rows.source = several.source
        and rows.{{ keys[entity] }} = several.{{ keys[entity] }}
        and rows.extracted_at = several.extracted_at
    group by
        rows.source,
        rows.{{ keys[entity] }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    'unparseable_value' as problem,
    source,
    entity,
    concat_ws(':', source, entity, record_id, split_part(cell, '=', 1)) as record_key,
    split_part(cell, '=', 1) as column_name,
    min(substr(cell, length(split_part(cell, '=', 1)) + 2)) as observed,
    cast(null as varchar) as file,
    cast(null as bigint) as row_number
from unreadable
group by
    source,
    entity,
    record_id,
    split_part(cell, '=', 1)

union all

select
    'unparseable_value' as problem,
    source,
    'deals' as entity,
    concat_ws(':', source, 'deals', deal_id, 'stage_dates') as record_key,
    'stage_dates' as column_name,
    raw_entered_at as observed,
    cast(null as varchar) as file,
    cast(null as bigint) as row_number
from unreadable_stage_dates

union all

select
    'unparseable_value' as problem,
    source,
    'deal_changes' as entity,
    concat_ws(':', source, 'deal_changes', deal_id, field) as record_key,
    field as column_name,
    unread as observed,
    cast(null as varchar) as file,
    cast(null as bigint) as row_number
from unreadable_changes
where unread is not null

union all

select
    'duplicate_key' as problem,
    source,
    entity,
    concat_ws(':', source, entity, record_id, key_column) as record_key,
    key_column as column_name,
    cast(times as varchar) as observed,
    cast(null as varchar) as file,
    cast(null as bigint) as row_number
from repeated
where contents > 1

union all

select
    'missing_key' as problem,
    source,
    entity,
    case
        when record_id is null then concat(sha256, ':', cast(row_number as varchar))
        else concat_ws(':', source, entity, record_id, column_name)
    end as record_key,
    column_name,
    min(value) as observed,
    min(file) as file,
    min(row_number) as row_number
from {{ ref('quarantined_rows') }}
where kind = 'quarantined'
group by
    source,
    entity,
    case
        when record_id is null then concat(sha256, ':', cast(row_number as varchar))
        else concat_ws(':', source, entity, record_id, column_name)
    end,
    column_name
