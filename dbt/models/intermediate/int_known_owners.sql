-- Whom a record can name as its owner: by id, or by name, as list exports of CRMs do. Who is gone from the newest full
-- extract is nobody's owner any more.
with owners as (
    select
        owner_key,
        source,
        owner_name,
        is_active
    from {{ ref('stg_owners') }}
    where is_gone is not true
),

named as (
    select
        concat_ws('', source, ':', owner_name) as owner_key,
        -- of two of one name, one who is there is enough
        max(is_active) as is_active
    from owners
    where owner_name is not null
    group by concat_ws('', source, ':', owner_name)
)

select
    owner_key,
    is_active
from owners

union all

select
    named.owner_key,
    named.is_active
from named
left join owners on named.owner_key = owners.owner_key
where owners.owner_key is null
