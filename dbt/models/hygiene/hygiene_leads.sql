-- One row per lead, with everything its rules compare (expectations/leads.yml).
with leads as (
    select * from {{ ref('fct_leads') }}
),

run as (
    select * from {{ ref('stg_config__run') }}
),

emails as (
    select
        lead_key,
        source,
        created_at,
        nullif(lower(trim(email)), '') as email
    from leads
),

alike as (
    select
        lead_key,
        first_value(lead_key) over (partition by source, email order by created_at, lead_key) as oldest_lead_key
    from emails
    where email is not null
),

with_a_deal as (
    select distinct deal_leads.lead_key
    from {{ ref('int_deal_leads') }} as deal_leads
    inner join {{ ref('fct_deals') }} as deals on deal_leads.deal_key = deals.deal_key
    where deals.status != 'deleted'
)

select
    leads.lead_key as record_key,
    leads.source,
    leads.owner_key,
    leads.lead_name,
    leads.status,
    leads.is_closed,
    leads.is_converted,
    leads.converted_deal_key,
    with_a_deal.lead_key is not null or {{ is_forgotten('leads.converted_deal_key') }} as has_a_deal,
    {{ owner_state('leads.owner_key', 'owners') }} as owner_state,
    alike.oldest_lead_key,
    leads.created_at_is_estimated,
    -- until it was answered, or until now
    round(
        coalesce(leads.response_hours, {{ seconds_between('leads.created_at', 'run.as_of') }} / 3600.0), 4
    ) as hours_to_response,
    leads.first_response_at,
    run.lead_response_sla_hours,
    {{ days_between(
        day_in('greatest(case when leads.created_at <= run.as_of then leads.created_at end, leads.last_activity_at)', 'run.timezone'),
        'run.as_of_date'
    ) }} as days_since_touch,
    run.dead_lead_after_days
from leads
cross join run
left join {{ ref('int_known_owners') }} as owners on leads.owner_key = owners.owner_key
left join alike on leads.lead_key = alike.lead_key
left join with_a_deal on leads.lead_key = with_a_deal.lead_key
