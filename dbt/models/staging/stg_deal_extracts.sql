{{ config(materialized='table') }}

-- Grain: one row per deal and delivery that said something else of the deal than the delivery before it, or is the
-- first that shows it. Not for deals that stand in one delivery only, the first full extract of their feed: those
-- have no past.
with deal_rows as (
    select * from {{ ref('deals_rows') }}
),

feeds as (
    select * from {{ ref('stg_config__feeds') }}
),

usable as {{ not_materialized() }} (
    select
        deal_rows.source,
        deal_rows.feed,
        deal_rows.deal_id,
        deal_rows.extracted_at,
        deal_rows.file_id,
        deal_rows.file_position,
        feeds.is_full,
        feeds.is_full and deal_rows.extracted_at = feeds.first_full_at as is_in_first_extract,
        {{ fingerprint([
            'deal_rows.pipeline', 'deal_rows.stage', 'deal_rows.status', 'deal_rows.is_closed', 'deal_rows.is_won',
            'deal_rows.is_lost', 'deal_rows.amount', 'deal_rows.currency', 'deal_rows.owner_id',
            'deal_rows.expected_close_on',
            'deal_rows.close_on', 'deal_rows.is_deleted', 'deal_rows.created_at', 'deal_rows.closed_at',
            'deal_rows.won_at', 'deal_rows.lost_at', 'deal_rows.fields',
        ]) }} as content
    from deal_rows
    inner join feeds
        on deal_rows.source = feeds.source
        and deal_rows.feed = feeds.feed
    where
        deal_rows.quarantine_reason is null
        and (
            deal_rows.first_delivered_at < deal_rows.last_delivered_at
            or (feeds.is_full and deal_rows.extracted_at > feeds.first_full_at)
        )
),

-- the last row of a delivery counts
last_of_delivery as (
    select
        *,
        lead(extracted_at) over (
            partition by source, feed, deal_id
            order by extracted_at, file_id, file_position
        ) as next_extracted_at
    from usable
),

compared as (
    select
        *,
        lag(content) over (
            partition by source, feed, deal_id
            order by extracted_at
        ) as content_before
    from last_of_delivery
    where
        next_extracted_at is null
        or next_extracted_at > extracted_at
),

changed as (
    select * from compared
    where
        content_before is null
        or content_before != content
)

select
    -- keys
    concat_ws('', changed.source, ':', changed.deal_id) as deal_key,
    changed.source,
    changed.deal_id,
    deal_rows.owner_id,
    -- the deal as that delivery showed it
    deal_rows.pipeline as pipeline_name,
    deal_rows.stage as stage_name,
    {{ status_given('deal_rows') }} as status_given,
    deal_rows.amount,
    deal_rows.currency,
    coalesce(deal_rows.expected_close_on, deal_rows.close_on) as expected_close_on,
    deal_rows.lost_reason,
    deal_rows.fields,
    {{ is_flagged_deleted('deal_rows') }} as is_flagged_deleted,
    deal_rows.created_at,
    deal_rows.close_on,
    deal_rows.closed_at,
    deal_rows.won_at,
    deal_rows.lost_at,
    -- the delivery
    changed.feed,
    changed.extracted_at,
    changed.is_full,
    changed.is_in_first_extract
from changed
inner join deal_rows
    on changed.source = deal_rows.source
    and changed.feed = deal_rows.feed
    and changed.file_id = deal_rows.file_id
    and changed.file_position = deal_rows.file_position
