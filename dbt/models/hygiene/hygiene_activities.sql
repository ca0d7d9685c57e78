with deals as (
    select
        deal_key,
        pipeline
    from {{ ref('fct_deals') }}
),

leads as (
    select lead_key from {{ ref('fct_leads') }}
),

accounts as (
    select account_key from {{ ref('stg_accounts') }}
)

select
    activities.activity_key as record_key,
    activities.source,
    deals.pipeline,
    activities.owner_key,
    activities.deal_key,
    activities.lead_key,
    activities.account_key,
    activities.is_done,
    activities.completed_at,
    run.as_of,
    deals.deal_key is not null
    or leads.lead_key is not null
    or accounts.account_key is not null
    or {{ is_forgotten('activities.deal_key') }}
    or {{ is_forgotten('activities.lead_key') }}
    or {{ is_forgotten('activities.account_key') }} as has_a_record
from {{ ref('fct_activities') }} as activities
cross join {{ ref('stg_config__run') }} as run
left join deals on activities.deal_key = deals.deal_key
left join leads on activities.lead_key = leads.lead_key
left join accounts on activities.account_key = accounts.account_key
