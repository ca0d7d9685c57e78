with account_rows as (
    select * from {{ ref('accounts_rows') }}
)

select
    concat_ws('', source, ':', account_id) as account_key,
    source,
    account_id,
    account_name,
    segment,
    fields
from account_rows
where
    row_state = 'current'
    and is_deleted is not true
