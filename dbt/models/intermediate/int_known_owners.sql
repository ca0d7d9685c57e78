-- Whom a record can name as its owner: by id, or by name, as list exports of CRMs do.
with owners as (
    select * from {{ ref('dim_owners') }}
),

named as (
    select
        concat(source, ':', owner_name) as owner_key,
        -- of two of one name, one who is there is enough
        max(coalesce(is_active, true)) as is_active
    from owners
    group by concat(source, ':', owner_name)
)

select
    owner_key,
    coalesce(is_active, true) as is_active
from owners

union all

select
    named.owner_key,
    named.is_active
from named
left join owners on named.owner_key = owners.owner_key
where owners.owner_key is null
