with lead_rows as (
    select * from {{ ref('leads_rows') }}
),

feeds as (
    select * from {{ ref('stg_config__feeds') }}
),

statuses as (
    select
        source,
        feed,
        {{ normalized('word') }} as status_key,
        max(kind = 'converted_lead_status') as is_converted,
        max(kind = 'closed_lead_status') as is_closed
    from {{ ref('stg_config__feed_words') }}
    where kind in ('converted_lead_status', 'closed_lead_status')
    group by
        source,
        feed,
        {{ normalized('word') }}
)

select
    -- keys
    concat_ws('', lead_rows.source, ':', lead_rows.lead_id) as lead_key,
    lead_rows.source,
    lead_rows.lead_id,
    lead_rows.owner_id,
    lead_rows.converted_deal_id as converted_deal_ids,
    {{ first_id('lead_rows.contact_id', 'feeds.id_separator') }} as contact_id,
    {{ first_id('lead_rows.account_id', 'feeds.id_separator') }} as account_id,
    feeds.id_separator,
    -- who and from where
    lead_rows.lead_name,
    lead_rows.company,
    lead_rows.email,
    lead_rows.lead_source,
    lead_rows.fields,
    -- where it stands
    lead_rows.status,
    coalesce(lead_rows.is_converted, statuses.is_converted, false) as is_converted,
    coalesce(statuses.is_closed, false) as has_closed_status,
    -- when
    lead_rows.created_at,
    lead_rows.converted_at,
    -- as delivered
    lead_rows.extracted_at,
    lead_rows.first_delivered_at,
    lead_rows.is_gone
from lead_rows
inner join feeds
    on lead_rows.source = feeds.source
    and lead_rows.feed = feeds.feed
left join statuses
    on lead_rows.source = statuses.source
    and lead_rows.feed = statuses.feed
    and {{ normalized('lead_rows.status') }} = statuses.status_key
where
    lead_rows.row_state = 'current'
    -- of a feed that leads leave when they become deals, those who left stay
    and (not lead_rows.is_gone or feeds.gone_is_converted)
    and lead_rows.is_deleted is not true
