{{ config(materialized='table') }}

with run as (
    select
        *,
        {{ to_utc('cast(history_starts_on as timestamp)', 'timezone') }} as history_starts_at
    from {{ source('config', 'run') }}
),

feeds as (
    select * from {{ source('config', 'feeds') }}
),

fields_that_lose as (
    select * from {{ source('config', 'feed_words') }}
    where kind = 'lost_when_set'
),

changes as (
    select
        change_rows.*,
        fields_that_lose.word is not null and change_rows.new_value is not null as means_lost,
        feeds.timezone as _timezone,
        feeds.date_format_set as _date_format_set,
        run.timezone as _reporting_timezone,
        run.history_starts_on as _history_starts_on,
        run.history_starts_at as _history_starts_at
    from {{ ref('deal_changes_rows') }} as change_rows
    cross join run
    inner join feeds
        on change_rows.source = feeds.source
        and change_rows.feed = feeds.feed
    left join fields_that_lose
        on change_rows.source = fields_that_lose.source
        and change_rows.feed = fields_that_lose.feed
        and change_rows.field = fields_that_lose.word
    where
        change_rows.row_state = 'current'
        and change_rows.changed_at <= run.as_of
)

select
    -- keys
    concat(source, ':', deal_id) as deal_key,
    source,
    deal_id,
    -- the change
    field,
    old_value,
    new_value,
    changed_at,
    means_lost,
    -- the new value as what the field is
    case when field = 'created_at' then {{ read_timestamp('new_value') }} end as new_moment,
    case when field = 'expected_close_on' then {{ read_date('new_value') }} end as new_day,
    case when field = 'amount' then try_cast(new_value as decimal(18, 2)) end as new_amount,
    case when field = 'amount' then try_cast(old_value as decimal(18, 2)) end as old_amount,
    -- as delivered: the log's own order
    extracted_at,
    file_id,
    file_position
from changes
