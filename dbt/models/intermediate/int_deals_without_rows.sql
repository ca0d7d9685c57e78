-- What change logs and versions alone say of a deal: deals of which no row of their own was ever delivered.
with logged as (
    select logged.*
    from {{ ref('int_logged_deals') }} as logged
    left join {{ ref('stg_deals') }} as deals on logged.deal_key = deals.deal_key
    where deals.deal_key is null
),

versions as (
    select
        versions.*,
        count(*) over (partition by versions.deal_key) as last_position
    from {{ ref('int_versioned_stage_events') }} as versions
    left join {{ ref('stg_deals') }} as deals on versions.deal_key = deals.deal_key
    where deals.deal_key is null
),

versioned as (
    select
        deal_key,
        min(source) as source,
        min(deal_id) as deal_id,
        min(extracted_at) as first_delivered_at,
        max(extracted_at) as extracted_at,
        min(entered_at) as first_version_at,
        -- what the last version left empty is empty
        max(case when shape_position = last_position then amount end) as amount,
        max(case when shape_position = last_position then currency end) as currency,
        max(case when shape_position = last_position then owner_id end) as owner_id,
        max(case when shape_position = last_position then expected_close_on end) as expected_close_on
    from versions
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
    coalesce(logged.currency, logged.amount_currency, versioned.currency) as currency,
    logged.lost_reason,
    logged.fields,
    coalesce(logged.expected_close_on, versioned.expected_close_on) as expected_close_on,
    logged.created_at,
    least(logged.first_delivered_at, versioned.first_delivered_at) as first_delivered_at,
    greatest(logged.extracted_at, versioned.extracted_at) as extracted_at,
    least(logged.first_change_at, versioned.first_version_at) as first_told_at,
    logged.deleted_at as flagged_deleted_at
from logged
full outer join versioned on logged.deal_key = versioned.deal_key
