with files as (
    select * from {{ ref('stg_lake__files') }}
    where state = 'loaded'
),

unusable as (
    {%- for entity, said in entities().items() %}
    select
        source,
        feed,
        file_id,
        '{{ entity }}' as entity,
        file_position,
        {{ said['key'] }} as record_id,
        quarantine_column,
        quarantine_value,
        quarantine_reason
    from {{ ref(entity ~ '_rows') }}
    where row_state = 'quarantined'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

numbers as (
    {{ row_numbers_of('unusable') }}
)

select
    unusable.source,
    unusable.feed,
    unusable.entity,
    files.file,
    files.sha256,
    files.extracted_at,
    numbers.row_number,
    unusable.record_id,
    unusable.quarantine_column as column_name,
    unusable.quarantine_value as value,
    unusable.quarantine_reason as reason,
    'quarantined' as kind
from unusable
inner join numbers
    on unusable.source = numbers.source
    and unusable.feed = numbers.feed
    and unusable.file_id = numbers.file_id
    and unusable.file_position = numbers.file_position
inner join files
    on unusable.source = files.source
    and unusable.feed = files.feed
    and unusable.file_id = files.file_id

union all

select
    rejects.source,
    rejects.feed,
    files.entity,
    files.file,
    files.sha256,
    files.extracted_at,
    rejects.row_number,
    cast(null as string) as record_id,
    rejects.column_name,
    rejects.value,
    rejects.reason,
    'rejected' as kind
from {{ ref('stg_lake__rejects') }} as rejects
inner join files
    on rejects.source = files.source
    and rejects.feed = files.feed
    and rejects.file_id = files.file_id
inner join {{ ref('stg_config__feeds') }} as feeds
    on rejects.source = feeds.source
    and rejects.feed = feeds.feed
-- a later full extract replaces what a file could not give
where not feeds.is_full or files.extracted_at >= feeds.newest_full_at
