select
    account_key,
    source,
    account_id,
    account_name,
    segment
from {{ ref('stg_accounts') }}
