with activity_rows as (
    select * from {{ ref('activities_rows') }}
),

feeds as (
    select * from {{ source('config', 'feeds') }}
),

response_types as (
    select
        source,
        feed,
        lower(word) as activity_type
    from {{ source('config', 'feed_words') }}
    where kind = 'response_type'
)

select
    -- keys
    concat(activity_rows.source, ':', activity_rows.activity_id) as activity_key,
    activity_rows.source,
    activity_rows.activity_id,
    {{ first_id('activity_rows.deal_id', 'feeds.id_separator') }} as deal_id,
    {{ first_id('activity_rows.lead_id', 'feeds.id_separator') }} as lead_id,
    {{ first_id('activity_rows.account_id', 'feeds.id_separator') }} as account_id,
    -- whole cells, of those that hold several ids
    case when contains(activity_rows.deal_id, feeds.id_separator) then activity_rows.deal_id end as deal_ids,
    case when contains(activity_rows.lead_id, feeds.id_separator) then activity_rows.lead_id end as lead_ids,
    feeds.id_separator,
    activity_rows.owner_id,
    -- what
    activity_rows.activity_type,
    case
        when lower(activity_rows.direction) in ('outbound', 'outgoing', 'out') then 'outbound'
        when lower(activity_rows.direction) in ('inbound', 'incoming', 'in') then 'inbound'
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
    -- done without a time: at its due time, at the latest when a delivery first showed it done
    case
        when activity_rows.is_done is not false and activity_rows.completed_at is not null
            then activity_rows.completed_at
        when activity_rows.is_done then least(
            coalesce(activity_rows.due_at, activity_rows.first_done_delivered_at),
            activity_rows.first_done_delivered_at
        )
        -- of a feed that does not say what is done, what is past
        when activity_rows.is_done is null and activity_rows.due_at <= feeds.done_when_due_by
            then activity_rows.due_at
    end as completed_at
from activity_rows
inner join feeds
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
