with change_rows as (
    select * from {{ ref('deal_changes_rows') }}
),

run as (
    select * from {{ source('config', 'run') }}
),

fields_that_lose as (
    select * from {{ source('config', 'feed_words') }}
    where kind = 'lost_when_set'
)

select
    -- keys
    concat(change_rows.source, ':', change_rows.deal_id) as deal_key,
    change_rows.source,
    change_rows.deal_id,
    -- the change
    change_rows.field,
    change_rows.old_value,
    change_rows.new_value,
    change_rows.changed_at,
    fields_that_lose.word is not null and change_rows.new_value is not null as means_lost,
    -- as delivered: the log's own order
    change_rows.extracted_at,
    change_rows.file_id,
    change_rows.file_position
from change_rows
cross join run
left join fields_that_lose
    on change_rows.source = fields_that_lose.source
    and change_rows.feed = fields_that_lose.feed
    and change_rows.field = fields_that_lose.word
where
    change_rows.row_state = 'current'
    and change_rows.changed_at <= run.as_of
