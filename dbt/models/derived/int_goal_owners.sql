-- The owner that a goal of the configuration names: by id, else by name.
with named as (
    select
        goals.goal_number,
        owners.owner_key,
        row_number() over (
            partition by goals.goal_number
            order by case when owners.owner_id = goals.owner then 0 else 1 end, owners.owner_key
        ) as place
    from {{ ref('stg_config__goals') }} as goals
    inner join {{ ref('dim_owners') }} as owners
        on goals.source = owners.source
        and (goals.owner = owners.owner_id or goals.owner_name_key = {{ normalized('owners.owner_name') }})
)

select
    goals.goal_number,
    -- one whom nobody delivers is called as is written
    coalesce(named.owner_key, concat_ws('', goals.source, ':', goals.owner)) as owner_key
from {{ ref('stg_config__goals') }} as goals
left join named
    on goals.goal_number = named.goal_number
    and named.place = 1
where goals.owner is not null
