{{ config(materialized='view') }}

-- Leads with the moment they came in: the CRM's, else the earliest sign of them (estimated).
with leads as (
    select * from {{ ref('stg_leads') }}
),

without_created_at as (
    select
        lead_key,
        source,
        lead_id
    from leads
    where created_at is null
),

first_activities as (
    select
        without_created_at.lead_key,
        min(least(activities.created_at, activities.completed_at, activities.due_at)) as first_activity_at
    from without_created_at
    inner join {{ ref('stg_activities') }} as activities
        on without_created_at.source = activities.source
        and without_created_at.lead_id = activities.lead_id
    group by without_created_at.lead_key
)

select
    leads.* exclude (created_at),
    coalesce(
        leads.created_at,
        least(first_activities.first_activity_at, leads.converted_at, leads.first_delivered_at)
    ) as created_at,
    leads.created_at is null as created_at_is_estimated
from leads
left join first_activities on leads.lead_key = first_activities.lead_key
