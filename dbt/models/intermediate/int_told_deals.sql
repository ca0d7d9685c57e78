-- What change logs and versions alone say of a deal: for deals of which no row of their own was ever delivered.
with logged as (
    select * from {{ ref('int_logged_deals') }}
),

versioned as (
    select
        deal_key,
        min(source) as source,
        min(deal_id) as deal_id,
        min(extracted_at) as first_delivered_at,
        max(extracted_at) as extracted_at,
        max(entered_at) as last_told_at,
        max_by(amount, shape_position) as amount,
        max_by(currency, shape_position) as currency,
        max_by(owner_id, shape_position) as owner_id,
        max_by(expected_close_on, shape_position) as expected_close_on
    from {{ ref('int_versioned_stage_events') }}
    group by deal_key
)

select
    coalesce(logged.deal_key, versioned.deal_key) as deal_key,
    coalesce(logged.source, versioned.source) as source,
    coalesce(logged.deal_id, versioned.deal_id) as deal_id,
    logged.deal_name,
    coalesce(logged.owner_id, versioned.owner_id) as owner_id,
    logged.account_id,
    logged.lead_source,
    coalesce(logged.amount, versioned.amount) as amount,
    coalesce(upper(logged.currency), versioned.currency) as currency,
    logged.lost_reason,
    coalesce(logged.expected_close_on, versioned.expected_close_on) as expected_close_on,
    logged.created_at,
    coalesce(logged.first_delivered_at, versioned.first_delivered_at) as first_delivered_at,
    coalesce(logged.extracted_at, versioned.extracted_at) as extracted_at,
    coalesce(logged.last_change_at, versioned.last_told_at) as last_told_at,
    coalesce(lower(logged.status) = 'deleted', false) as is_flagged_deleted
from logged
full outer join versioned on logged.deal_key = versioned.deal_key
