-- Leads that a later full extract of their feed lacks, where that means they left it (`when_gone: converted`), and the
-- deal each became: one created on or after the last extract that shows the lead, which names it, its person or its
-- organisation. Without one it was closed.
with gone as (
    select
        lead_key,
        source,
        lead_id,
        contact_id,
        account_id,
        extracted_at
    from {{ ref('stg_leads') }}
    where is_gone
),

deals as (
    select
        deal_key,
        source,
        lead_ids,
        id_separator,
        contact_id,
        account_id,
        coalesce(created_at, first_delivered_at) as created_at
    from {{ ref('stg_deals') }}
    where
        not is_flagged_deleted
        and not is_gone
),

-- a cell may name several
leads_named as (
    select
        deal_key,
        source,
        created_at,
        {{ ids_in('lead_ids', 'id_separator') }} as lead_id
    from deals
    where lead_ids is not null
),

-- the lead itself says more than its person, and that one more than the organisation
named as (
    select
        gone.lead_key,
        leads_named.deal_key,
        leads_named.created_at,
        gone.extracted_at,
        1 as place
    from gone
    inner join leads_named
        on gone.source = leads_named.source
        and gone.lead_id = trim(leads_named.lead_id)

    union all

    select
        gone.lead_key,
        deals.deal_key,
        deals.created_at,
        gone.extracted_at,
        2 as place
    from gone
    inner join deals
        on gone.source = deals.source
        and gone.contact_id = deals.contact_id

    union all

    select
        gone.lead_key,
        deals.deal_key,
        deals.created_at,
        gone.extracted_at,
        3 as place
    from gone
    inner join deals
        on gone.source = deals.source
        and gone.account_id = deals.account_id
),

ranked as (
    select
        lead_key,
        deal_key,
        row_number() over (partition by lead_key order by place, created_at, deal_key) as place
    from named
    where created_at >= extracted_at
)

select
    gone.lead_key,
    ranked.deal_key
from gone
left join ranked
    on gone.lead_key = ranked.lead_key
    and ranked.place = 1
