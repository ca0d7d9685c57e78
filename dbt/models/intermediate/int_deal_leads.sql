-- The leads of each deal: those that name it, those it names, and those that left their inbox for it, survivors of
-- merged instead of the merged. The one it came from is the earliest created. A lead that was forgotten is still one,
-- under its pseudonym.
with leads as (
    select * from {{ ref('int_leads') }}
),

merged as (
    select * from {{ ref('int_merges') }}
),

-- a cell may name several
deals_named as (
    select
        source,
        lead_key,
        {{ ids_in('converted_deal_ids', 'id_separator') }} as deal_id
    from leads
    where converted_deal_ids is not null
),

leads_named as (
    select
        source,
        deal_key,
        {{ ids_in('lead_ids', 'id_separator') }} as lead_id
    from {{ ref('stg_deals') }}
    where lead_ids is not null
),

linked as (
    select
        coalesce(merged.survivor_key, concat_ws('', deals_named.source, ':', trim(deals_named.deal_id))) as deal_key,
        deals_named.lead_key
    from deals_named
    left join merged
        on merged.entity = 'deals'
        and concat_ws('', deals_named.source, ':', trim(deals_named.deal_id)) = merged.merged_key

    union

    select
        coalesce(merged_deals.survivor_key, leads_named.deal_key) as deal_key,
        coalesce(merged_leads.survivor_key, concat_ws('', leads_named.source, ':', trim(leads_named.lead_id)))
            as lead_key
    from leads_named
    left join merged as merged_leads
        on merged_leads.entity = 'leads'
        and concat_ws('', leads_named.source, ':', trim(leads_named.lead_id)) = merged_leads.merged_key
    left join merged as merged_deals
        on merged_deals.entity = 'deals'
        and leads_named.deal_key = merged_deals.merged_key

    union

    select
        coalesce(merged.survivor_key, left_leads.deal_key) as deal_key,
        left_leads.lead_key
    from {{ ref('int_left_leads') }} as left_leads
    left join merged
        on merged.entity = 'deals'
        and left_leads.deal_key = merged.merged_key
    where left_leads.deal_key is not null
),

ranked as (
    select
        linked.deal_key,
        linked.lead_key,
        -- of a forgotten one nobody knows when it was created: last, on every engine
        row_number() over (partition by linked.deal_key order by leads.created_at nulls last, linked.lead_key) = 1
            as is_first
    from linked
    left join leads on linked.lead_key = leads.lead_key
    where
        leads.lead_key is not null
        or {{ is_forgotten('linked.lead_key') }}
)

select
    deal_key,
    lead_key,
    is_first
from ranked
