{% set keys = entity_keys() %}

with files as (
    select * from {{ source('lake', 'files') }}
    where state = 'loaded'
),

rejects as (
    select
        rejects.*,
        -- how many rows of the file were accepted before this one: its record number, less the header and the rejects
        rejects.row_number - 1 - row_number() over (
            partition by rejects.source, rejects.feed, rejects.file_id
            order by rejects.row_number
        ) as accepted_before
    from {{ source('lake', 'rejects') }} as rejects
),

unusable as (
    {%- for entity, key in keys.items() %}
    select
        source,
        feed,
        file_id,
        '{{ entity }}' as entity,
        file_position,
        {{ key }} as record_id,
        quarantine_column,
        quarantine_value,
        quarantine_reason
    from {{ ref(entity ~ '_rows') }}
    where row_state = 'quarantined'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

numbered as (
    select
        unusable.source,
        unusable.feed,
        unusable.file_id,
        unusable.file_position,
        unusable.file_position + 1 + count(rejects.accepted_before) as row_number,
        min(unusable.entity) as entity,
        min(unusable.record_id) as record_id,
        min(unusable.quarantine_column) as quarantine_column,
        min(unusable.quarantine_value) as quarantine_value,
        min(unusable.quarantine_reason) as quarantine_reason
    from unusable
    left join rejects
        on unusable.source = rejects.source
        and unusable.feed = rejects.feed
        and unusable.file_id = rejects.file_id
        and unusable.file_position > rejects.accepted_before
    group by
        unusable.source,
        unusable.feed,
        unusable.file_id,
        unusable.file_position
)

select
    numbered.source,
    numbered.feed,
    numbered.entity,
    files.file,
    files.sha256,
    files.extracted_at,
    numbered.row_number,
    numbered.record_id,
    numbered.quarantine_column as column_name,
    numbered.quarantine_value as value,
    numbered.quarantine_reason as reason,
    'quarantined' as kind
from numbered
inner join files
    on numbered.source = files.source
    and numbered.feed = files.feed
    and numbered.file_id = files.file_id

union all

select
    rejects.source,
    rejects.feed,
    files.entity,
    files.file,
    files.sha256,
    files.extracted_at,
    rejects.row_number,
    cast(null as varchar) as record_id,
    rejects.column_name,
    rejects.value,
    rejects.reason,
    'rejected' as kind
from rejects
inner join files
    on rejects.source = files.source
    and rejects.feed = files.feed
    and rejects.file_id = files.file_id
inner join {{ source('config', 'feeds') }} as feeds
    on rejects.source = feeds.source
    and rejects.feed = feeds.feed
-- a later full extract replaces what a file could not give
where not feeds.is_full or files.extracted_at >= feeds.newest_full_at
