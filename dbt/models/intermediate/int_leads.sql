{{ config(materialized='view') }}

-- Leads with the moment they came in: the CRM's, else the earliest sign of them (estimated).
with leads as (
    select leads.*
    from {{ ref('stg_leads') }} as leads
    left join {{ ref('int_merges') }} as merged
        on merged.entity = 'leads'
        and leads.lead_key = merged.merged_key
    where merged.merged_key is null
),

without_created_at as (
    select lead_key
    from leads
    where created_at is null
),

-- twice is no matter: the earliest is looked for, and mostly there is nothing to look for it for
named_by_activities as {{ not_materialized() }} (
    select
        activity_key,
        concat_ws('', source, ':', lead_id) as lead_key
    from {{ ref('stg_activities') }}
    where lead_id is not null

    union all

    select
        activity_key,
        record_key as lead_key
    from {{ ref('int_activity_links') }}
    where entity = 'leads'
),

first_activities as (
    select
        without_created_at.lead_key,
        min(least(activities.created_at, activities.completed_at, activities.due_at)) as first_activity_at
    from without_created_at
    inner join named_by_activities as named on without_created_at.lead_key = named.lead_key
    inner join {{ ref('stg_activities') }} as activities on named.activity_key = activities.activity_key
    group by without_created_at.lead_key
)

select
    leads.* {{ except_columns(['created_at', 'is_converted', 'has_closed_status']) }},
    leads.is_converted or left_leads.deal_key is not null as is_converted,
    leads.has_closed_status or left_leads.lead_key is not null as has_closed_status,
    coalesce(
        leads.created_at,
        least(first_activities.first_activity_at, leads.converted_at, leads.first_delivered_at)
    ) as created_at,
    leads.created_at is null as created_at_is_estimated
from leads
left join first_activities on leads.lead_key = first_activities.lead_key
left join {{ ref('int_left_leads') }} as left_leads on leads.lead_key = left_leads.lead_key
