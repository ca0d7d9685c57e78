with owner_rows as (
    select * from {{ ref('owners_rows') }}
)

select
    concat_ws('', source, ':', owner_id) as owner_key,
    source,
    owner_id,
    owner_name,
    team,
    email,
    fields,
    coalesce(is_active, true) as is_active,
    is_gone
from owner_rows
where row_state = 'current'
