-- Activities on the contact that a lead was converted into: one row per lead they are also one on. Two leads can have
-- become one contact.
with leads_with_a_deal as (
    select distinct lead_key
    from {{ ref('int_deal_leads') }}
),

converted as (
    select
        leads.lead_key,
        leads.source,
        leads.contact_id,
        leads.created_at
    from {{ ref('int_leads') }} as leads
    left join leads_with_a_deal on leads.lead_key = leads_with_a_deal.lead_key
    where
        leads.contact_id is not null
        and (leads.is_converted or leads_with_a_deal.lead_key is not null)
),

-- a cell may name several
cells as (
    select
        activity_key,
        source,
        {{ ids_in('contact_ids', 'id_separator') }} as contact_id
    from {{ ref('stg_activities') }}
    where contact_ids is not null
),

named as (
    select distinct
        activity_key,
        source,
        trim(contact_id) as contact_id
    from cells
)

select
    named.activity_key,
    converted.lead_key as record_key,
    -- the one that stands for all in the activity's own row
    row_number() over (
        partition by named.activity_key
        order by converted.created_at, converted.lead_key
    ) = 1 as is_first
from named
inner join converted
    on named.source = converted.source
    and named.contact_id = converted.contact_id
