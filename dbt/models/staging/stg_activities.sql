with activity_rows as (
    select * from {{ ref('activities_rows') }}
),

response_types as (
    select
        source,
        feed,
        lower(word) as activity_type
    from {{ ref('stg_config__feed_words') }}
    where kind = 'response_type'
),

-- when it was completed, as told: done without a time it was at its due time, of a feed that does not say what is done
-- when that was past; and when at the latest
told as (
    select
        activity_rows.*,
        case
            when activity_rows.is_done is not false and activity_rows.completed_at is not null
                then activity_rows.completed_at
            when activity_rows.is_done then coalesce(activity_rows.due_at, activity_rows.first_done_delivered_at)
            when activity_rows.is_done is null and activity_rows.due_at <= feeds.done_when_due_by
                then activity_rows.due_at
        end as told_at,
        case
            when activity_rows.is_done is not false and activity_rows.completed_at is not null
                then activity_rows.completed_at_is_day
            else activity_rows.due_at is not null and activity_rows.due_at_is_day
        end as told_by_day,
        -- a time of its own is kept as it is, even one after the delivery
        case when activity_rows.is_done is not false then activity_rows.completed_at end as not_before,
        case
            when activity_rows.is_done is null and activity_rows.completed_at is null then feeds.done_when_due_by
            else activity_rows.first_done_delivered_at
        end as known_at
    from activity_rows
    inner join {{ ref('stg_config__feeds') }} as feeds
        on activity_rows.source = feeds.source
        and activity_rows.feed = feeds.feed
),

by_day as (
    select
        told.*,
        case
            when told.told_by_day
                then {{ to_utc(last_second_of(day_in('told.told_at', 'run.timezone')), 'run.timezone') }}
        end as day_ends_at,
        -- its own creation, where that was on this day and has a time
        case
            when
                told.told_by_day
                and not told.created_at_is_day
                and {{ day_in('told.created_at', 'run.timezone') }} = {{ day_in('told.told_at', 'run.timezone') }}
                then told.created_at
        end as created_that_day_at
    from told
    cross join {{ ref('stg_config__run') }} as run
)

select
    -- keys
    concat_ws('', activity_rows.source, ':', activity_rows.activity_id) as activity_key,
    activity_rows.source,
    activity_rows.activity_id,
    {{ first_id('activity_rows.deal_id', 'feeds.id_separator') }} as deal_id,
    {{ first_id('activity_rows.lead_id', 'feeds.id_separator') }} as lead_id,
    {{ first_id('activity_rows.contact_id', 'feeds.id_separator') }} as contact_id,
    {{ first_id('activity_rows.account_id', 'feeds.id_separator') }} as account_id,
    -- whole cells, of those that hold several ids
    case when contains(activity_rows.deal_id, feeds.id_separator) then activity_rows.deal_id end as deal_ids,
    case when contains(activity_rows.lead_id, feeds.id_separator) then activity_rows.lead_id end as lead_ids,
    activity_rows.contact_id as contact_ids,
    feeds.id_separator,
    activity_rows.owner_id,
    -- what
    activity_rows.activity_type,
    activity_rows.fields,
    case
        when lower(activity_rows.direction) in {{ known_words('outbound') }} then 'outbound'
        when lower(activity_rows.direction) in {{ known_words('inbound') }} then 'inbound'
    end as direction,
    response_types.activity_type is not null as is_response_type,
    -- when
    activity_rows.created_at,
    activity_rows.due_at,
    coalesce(
        activity_rows.is_done,
        activity_rows.completed_at is not null
        or coalesce(activity_rows.due_at <= feeds.done_when_due_by, false)
    ) as is_done,
    case
        when activity_rows.told_at is null then null
        when activity_rows.told_by_day then greatest(
            least(coalesce(activity_rows.created_that_day_at, activity_rows.day_ends_at), activity_rows.known_at),
            activity_rows.not_before
        )
        when activity_rows.not_before is not null then activity_rows.told_at
        else least(activity_rows.told_at, activity_rows.known_at)
    end as completed_at
from by_day as activity_rows
inner join {{ ref('stg_config__feeds') }} as feeds
    on activity_rows.source = feeds.source
    and activity_rows.feed = feeds.feed
left join response_types
    on activity_rows.source = response_types.source
    and activity_rows.feed = response_types.feed
    and lower(activity_rows.activity_type) = response_types.activity_type
where
    activity_rows.row_state = 'current'
    and not activity_rows.is_gone
    and activity_rows.is_deleted is not true
