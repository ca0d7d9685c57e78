-- The lead each deal came from: of the leads that name the deal, and the one the deal names, the earliest created.
with leads as (
    select * from {{ ref('int_leads') }}
),

linked as (
    select
        concat(source, ':', converted_deal_id) as deal_key,
        lead_key,
        lead_id,
        created_at
    from leads
    where converted_deal_id is not null

    union

    select
        deals.deal_key,
        leads.lead_key,
        leads.lead_id,
        leads.created_at
    from {{ ref('stg_deals') }} as deals
    inner join leads
        on deals.source = leads.source
        and deals.lead_id = leads.lead_id
),

ranked as (
    select
        deal_key,
        lead_key,
        row_number() over (partition by deal_key order by created_at, lead_id) = 1 as is_first
    from linked
)

select
    deal_key,
    lead_key,
    is_first
from ranked
