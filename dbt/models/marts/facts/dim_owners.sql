select
    owner_key,
    source,
    owner_id,
    coalesce(owner_name, owner_id) as owner_name,
    is_active
from {{ ref('stg_owners') }}
