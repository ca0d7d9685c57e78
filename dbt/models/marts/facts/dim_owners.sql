with owners as (
    select * from {{ ref('stg_owners') }}
),

-- by id, else by name; of several the first in the file
members as (
    select
        owners.owner_key,
        teams.team,
        row_number() over (
            partition by owners.owner_key
            order by case when owners.owner_id = teams.owner then 0 else 1 end, teams.member_number
        ) as place
    from owners
    inner join {{ ref('stg_config__team_members') }} as teams
        on owners.source = teams.source
        and (owners.owner_id = teams.owner or {{ normalized('owners.owner_name') }} = teams.owner_name_key)
)

select
    owners.owner_key,
    owners.source,
    owners.owner_id,
    coalesce(owners.owner_name, owners.owner_id) as owner_name,
    owners.is_active,
    coalesce(owners.team, members.team) as team
from owners
left join members
    on owners.owner_key = members.owner_key
    and members.place = 1
