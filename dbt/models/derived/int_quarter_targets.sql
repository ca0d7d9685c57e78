-- What the goals for the won amount come to in a fiscal quarter: the quarter's own goal, else those of its months. A
-- team without one has those of its owners; a source has those of its pipelines.
with run as (
    select * from {{ ref('stg_config__run') }}
),

months as (
    select
        month,
        min(quarter_start) as quarter_start
    from {{ ref('dim_dates') }}
    group by month
),

-- mart_goals has the months that have begun; these are all of a quarter
goals as (
    select
        goals.period,
        months.quarter_start,
        months.month,
        goals.source,
        goals.pipeline,
        goals.team,
        owners.owner_key,
        goals.goal_number,
        goals.target
    from {{ ref('stg_config__goals') }} as goals
    left join {{ ref('int_goal_owners') }} as owners on goals.goal_number = owners.goal_number
    inner join months
        on months.month >= coalesce(goals.first_month, {{ since_ever() }})
        and months.month <= coalesce(goals.last_month, {{ for_ever() }})
        and (goals.period = 'month' or months.month = months.quarter_start)
    where
        goals.goal = 'won_amount'
        and goals.stage is null
),

-- of several the last counts
standing as (
    select
        *,
        case
            when team is not null then 'team'
            when owner_key is not null then 'owner'
            else 'pipeline'
        end as grain,
        coalesce(team, owner_key, concat_ws('', source, ':', pipeline)) as grain_value,
        row_number() over (
            partition by period, month, source, pipeline, team, owner_key
            order by goal_number desc
        ) as place_from_last
    from goals
),

by_period as (
    select
        quarter_start,
        grain,
        grain_value,
        min(source) as source,
        sum(case when period = 'quarter' then target end) as of_quarter,
        sum(case when period = 'month' then target end) as of_months
    from standing
    where place_from_last = 1
    group by
        quarter_start,
        grain,
        grain_value
),

targets as (
    select
        quarter_start,
        grain,
        grain_value,
        source,
        coalesce(of_quarter, of_months) as target
    from by_period
),

teams_by_owners as (
    select
        targets.quarter_start,
        owners.team as grain_value,
        sum(targets.target) as target
    from targets
    inner join {{ ref('dim_owners') }} as owners on targets.grain_value = owners.owner_key
    where
        targets.grain = 'owner'
        and owners.team is not null
    group by
        targets.quarter_start,
        owners.team
),

teams_said as (
    select * from targets
    where grain = 'team'
),

of_teams as (
    select
        coalesce(said.quarter_start, by_owners.quarter_start) as quarter_start,
        'team' as grain,
        coalesce(said.grain_value, by_owners.grain_value) as grain_value,
        coalesce(said.target, by_owners.target) as target
    from teams_said as said
    full outer join teams_by_owners as by_owners
        on said.quarter_start = by_owners.quarter_start
        and said.grain_value = by_owners.grain_value
),

of_all as (
    select
        quarter_start,
        grain,
        grain_value,
        target
    from targets
    where grain in ('pipeline', 'owner')

    union all

    select
        quarter_start,
        grain,
        grain_value,
        target
    from of_teams

    union all

    select
        quarter_start,
        'source' as grain,
        source as grain_value,
        sum(target) as target
    from targets
    where grain = 'pipeline'
    group by
        quarter_start,
        source

    union all

    select
        quarter_start,
        'all' as grain,
        'all' as grain_value,
        sum(target) as target
    from targets
    where grain = 'pipeline'
    group by quarter_start
)

select
    quarter_start,
    grain,
    grain_value,
    cast(target as decimal(18, 2)) as target
from of_all
cross join run
where quarter_start <= run.as_of_date
