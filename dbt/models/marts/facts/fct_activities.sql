with activities as (
    select * from {{ ref('stg_activities') }}
),

links as (
    select * from {{ ref('int_activity_links') }}
),

-- of several records in one cell, the first that is known, or was until it was forgotten
deals_linked as (
    select
        links.activity_key,
        min_by(links.record_key, links.place_in_cell) as deal_key
    from links
    left join {{ ref('int_deals') }} as deals on links.record_key = deals.deal_key
    where
        links.entity = 'deals'
        and (deals.deal_key is not null or {{ is_forgotten('links.record_key') }})
    group by links.activity_key
),

leads_linked as (
    select
        links.activity_key,
        min_by(links.record_key, links.place_in_cell) as lead_key
    from links
    left join {{ ref('int_leads') }} as leads on links.record_key = leads.lead_key
    where
        links.entity = 'leads'
        and (leads.lead_key is not null or {{ is_forgotten('links.record_key') }})
    group by links.activity_key
),

merged as (
    select * from {{ ref('int_merges') }}
)

select
    activities.activity_key,
    activities.source,
    activities.activity_id,
    {{ one_spelling('activities.activity_type') }} as activity_type,
    activities.activity_type as crm_activity_type,
    activities.direction,
    coalesce(
        deals_linked.deal_key,
        merged_deals.survivor_key,
        case when activities.deal_id is not null then concat_ws('', activities.source, ':', activities.deal_id) end
    ) as deal_key,
    coalesce(
        leads_linked.lead_key,
        merged_leads.survivor_key,
        case when activities.lead_id is not null then concat_ws('', activities.source, ':', activities.lead_id) end,
        contacts.record_key
    ) as lead_key,
    case when activities.account_id is not null then concat_ws('', activities.source, ':', activities.account_id) end
        as account_key,
    case when activities.owner_id is not null then concat_ws('', activities.source, ':', activities.owner_id) end
        as owner_key,
    activities.due_at,
    activities.completed_at,
    activities.is_done,
    activities.is_response_type and (activities.direction is distinct from 'inbound') as is_outbound_response,
    activities.fields
from activities
left join deals_linked on activities.activity_key = deals_linked.activity_key
left join leads_linked on activities.activity_key = leads_linked.activity_key
left join merged as merged_deals
    on merged_deals.entity = 'deals'
    and concat_ws('', activities.source, ':', activities.deal_id) = merged_deals.merged_key
left join merged as merged_leads
    on merged_leads.entity = 'leads'
    and concat_ws('', activities.source, ':', activities.lead_id) = merged_leads.merged_key
left join {{ ref('int_contact_activities') }} as contacts
    on activities.activity_key = contacts.activity_key
    and contacts.is_first
