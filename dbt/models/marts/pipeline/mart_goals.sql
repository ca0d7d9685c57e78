with run as (
    select * from {{ ref('stg_config__run') }}
),

of_months as (
    select
        month,
        is_complete_month
    from {{ ref('mart_monthly_metrics') }}
    where grain = 'all'
),

quarters_of_months as (
    select
        of_months.month,
        {{ fiscal_quarter_of('of_months.month', 'run.fiscal_year_starts') }} as quarter_start
    from of_months
    cross join run
),

-- a quarter is named by its first month
months as (
    select
        'month' as period,
        month,
        is_complete_month
    from of_months

    union all

    select
        'quarter' as period,
        quarters.quarter_start as month,
        {{ add_months('quarters.quarter_start', 3) }} <= run.as_of_date as is_complete_month
    from (
        select quarter_start
        from quarters_of_months
        group by quarter_start
    ) as quarters
    cross join run
),

configured as (
    select
        goals.*,
        owners.owner_key
    from {{ ref('stg_config__goals') }} as goals
    left join {{ ref('int_goal_owners') }} as owners on goals.goal_number = owners.goal_number
),

goals as (
    select
        months.month,
        months.is_complete_month,
        goals.period,
        goals.source,
        goals.pipeline,
        goals.stage,
        goals.owner_key,
        goals.team,
        goals.goal,
        goals.target,
        goals.is_more_better,
        row_number() over (
            partition by
                months.month, goals.period, goals.source, goals.pipeline, goals.stage, goals.owner_key, goals.team,
                goals.goal
            order by goals.goal_number desc
        ) as place_from_last
    from configured as goals
    inner join months
        on goals.period = months.period
        and months.month >= coalesce(goals.first_month, {{ since_ever() }})
        and months.month <= coalesce(goals.last_month, {{ for_ever() }})
),

of_pipelines as (
    select
        goals.*,
        case goals.goal
            {%- for count in ['opportunities_created', 'deals_won', 'deals_lost', 'won_amount'] %}
            when '{{ count }}' then cast(coalesce(metrics.{{ count }}, 0) as double)
            {%- endfor %}
            {%- for mean in ['win_rate', 'avg_deal_size', 'sales_cycle_days'] %}
            when '{{ mean }}' then metrics.{{ mean }}
            {%- endfor %}
            when 'closing_amount' then cast(coalesce(movements.closing_amount, 0) as double)
        end as actual
    from goals
    left join {{ ref('mart_monthly_metrics') }} as metrics
        on metrics.grain = 'pipeline'
        and metrics.grain_value = concat_ws('', goals.source, ':', goals.pipeline)
        and goals.month = metrics.month
    left join {{ ref('mart_pipeline_movements') }} as movements
        on goals.source = movements.source
        and goals.pipeline = movements.pipeline
        and goals.month = movements.month
    where
        goals.place_from_last = 1
        and goals.period = 'month'
        and goals.pipeline is not null
        and goals.stage is null
),

-- what can be added up, of a pipeline, an owner and a team, over months
counts as (
    select
        metrics.month,
        metrics.grain,
        metrics.grain_value,
        owners.team,
        metrics.opportunities_created,
        metrics.deals_won,
        metrics.deals_lost,
        metrics.won_amount,
        metrics.won_deals_with_amount
    from {{ ref('mart_monthly_metrics') }} as metrics
    left join {{ ref('dim_owners') }} as owners
        on metrics.grain = 'owner'
        and metrics.grain_value = owners.owner_key
    where metrics.grain in ('pipeline', 'owner')
),

added_up as (
    {%- for of, grain in {'pipeline': 'pipeline', 'owner': 'owner', 'team': 'owner'}.items() %}
    {%- for period, month in {'month': 'counts.month', 'quarter': 'quarters.quarter_start'}.items() %}
    select
        '{{ of }}' as counted_of,
        {{ 'counts.team' if of == 'team' else 'counts.grain_value' }} as counted_key,
        '{{ period }}' as period,
        {{ month }} as month,
        sum(counts.opportunities_created) as opportunities_created,
        sum(counts.deals_won) as deals_won,
        sum(counts.deals_lost) as deals_lost,
        sum(counts.won_amount) as won_amount,
        sum(counts.won_deals_with_amount) as won_deals_with_amount
    from counts
    inner join quarters_of_months as quarters on counts.month = quarters.month
    where counts.grain = '{{ grain }}'
    group by
        {{ 'counts.team' if of == 'team' else 'counts.grain_value' }},
        {{ month }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

of_others as (
    select
        goals.*,
        case goals.goal
            {%- for count in ['opportunities_created', 'deals_won', 'deals_lost', 'won_amount'] %}
            when '{{ count }}' then cast(coalesce(added_up.{{ count }}, 0) as double)
            {%- endfor %}
            when 'win_rate' then {{ ratio('added_up.deals_won', 'added_up.deals_won + added_up.deals_lost') }}
            when 'avg_deal_size' then {{ ratio('added_up.won_amount', 'added_up.won_deals_with_amount') }}
        end as actual
    from goals
    left join added_up
        on goals.period = added_up.period
        and goals.month = added_up.month
        and case
            when goals.team is not null then 'team'
            when goals.owner_key is not null then 'owner'
            else 'pipeline'
        end = added_up.counted_of
        and coalesce(goals.team, goals.owner_key, concat_ws('', goals.source, ':', goals.pipeline))
        = added_up.counted_key
    where
        goals.place_from_last = 1
        and (goals.period = 'quarter' or goals.pipeline is null)
),

of_stages as (
    select
        goals.*,
        case goals.goal
            {%- for count in ['entered', 'advanced'] %}
            when '{{ count }}' then cast(metrics.{{ count }} as double)
            {%- endfor %}
            {%- for mean in ['conversion_rate', 'drop_off_rate', 'days_in_stage_median'] %}
            when '{{ mean }}' then metrics.{{ mean }}
            {%- endfor %}
        end as actual
    from goals
    left join {{ ref('mart_stage_metrics') }} as metrics
        on goals.source = metrics.source
        and goals.pipeline = metrics.pipeline
        and goals.stage = metrics.stage
        and goals.month = metrics.month
    where
        goals.place_from_last = 1
        and goals.stage is not null
),

compared as (
    select * from of_pipelines
    union all
    select * from of_stages
    union all
    select * from of_others
)

select
    month,
    source,
    pipeline,
    stage,
    owner_key,
    team,
    period,
    goal,
    target,
    actual,
    {{ ratio('actual', 'target') }} as attainment,
    is_more_better,
    is_complete_month
from compared
