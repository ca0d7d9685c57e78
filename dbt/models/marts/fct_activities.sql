select
    activity_key,
    source,
    activity_id,
    activity_type,
    direction,
    case when deal_id is not null then concat(source, ':', deal_id) end as deal_key,
    case when lead_id is not null then concat(source, ':', lead_id) end as lead_key,
    case when account_id is not null then concat(source, ':', account_id) end as account_key,
    case when owner_id is not null then concat(source, ':', owner_id) end as owner_key,
    due_at,
    completed_at,
    is_done,
    is_response_type and coalesce(direction, '') != 'inbound' as is_outbound_response
from {{ ref('stg_activities') }}
