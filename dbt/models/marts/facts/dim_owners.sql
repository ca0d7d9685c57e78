-- Every owner that a fact names: those of the owners' feed, their names where records name them by name (list exports
-- of CRMs do), and whoever else is met, of whom nothing more is known.
with delivered as (
    select * from {{ ref('stg_owners') }}
),

met as (
    {% for fact in ['fct_deals', 'fct_leads', 'fct_activities', 'fct_stage_transitions', 'fct_spend'] %}
    select
        owner_key,
        source
    from {{ ref(fact) }}
    where owner_key is not null
    union
    {% endfor %}
    -- whom a deal once belonged to: snapshots of the past name them
    {% for value in ['old_value', 'new_value'] %}
    select
        {{ value }} as owner_key,
        source
    from {{ ref('fct_deal_changes') }}
    where
        field = 'owner'
        and {{ value }} is not null
    {{ 'union' if not loop.last }}
    {% endfor %}
),

-- of several of one name, team and address if they are everybody's
named as (
    select
        concat_ws('', source, ':', owner_name) as owner_key,
        case when count(team) = count(*) and min(team) = max(team) then min(team) end as team,
        case when count(email) = count(*) and min(email) = max(email) then min(email) end as email
    from delivered
    where
        owner_name is not null
        and is_gone is not true
    group by concat_ws('', source, ':', owner_name)
),

owners as (
    select
        owner_key,
        source,
        owner_id,
        coalesce(owner_name, owner_id) as owner_name,
        is_active,
        team,
        email,
        fields,
        true as is_delivered
    from delivered

    union all

    select
        met.owner_key,
        met.source,
        {{ id_of('met.owner_key', 'met.source') }} as owner_id,
        {{ id_of('met.owner_key', 'met.source') }} as owner_name,
        known.is_active,
        named.team,
        named.email,
        cast(null as string) as fields,
        known.owner_key is not null as is_delivered
    from met
    left join delivered on met.owner_key = delivered.owner_key
    left join {{ ref('int_known_owners') }} as known on met.owner_key = known.owner_key
    left join named on met.owner_key = named.owner_key
    where delivered.owner_key is null
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
    owners.owner_name,
    owners.is_active,
    owners.is_delivered,
    coalesce(owners.team, members.team) as team,
    owners.email,
    owners.fields
from owners
left join members
    on owners.owner_key = members.owner_key
    and members.place = 1
