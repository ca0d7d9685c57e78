with spend_rows as (
    select * from {{ ref('spend_rows') }}
),

feeds as (
    select * from {{ ref('stg_config__feeds') }}
),

spend as (
    select
        spend_rows.source,
        spend_rows.spent_on,
        spend_rows.amount,
        coalesce(spend_rows.currency, feeds.currency) as currency,
        spend_rows.campaign,
        spend_rows.pipeline as pipeline_name,
        case when spend_rows.owner_id is not null then concat_ws('', spend_rows.source, ':', spend_rows.owner_id) end
            as owner_key,
        spend_rows.segment,
        spend_rows.lead_source
    from spend_rows
    inner join feeds
        on spend_rows.source = feeds.source
        and spend_rows.feed = feeds.feed
    where
        spend_rows.row_state = 'current'
        and spend_rows.is_deleted is not true
)

{{ in_reporting_currency('spend', 'spent_on') }}
