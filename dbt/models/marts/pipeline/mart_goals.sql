with months as (
    select
        month,
        is_complete_month
    from {{ ref('mart_monthly_metrics') }}
    where grain = 'all'
),

goals as (
    select
        months.month,
        months.is_complete_month,
        goals.source,
        goals.pipeline,
        goals.stage,
        goals.goal,
        goals.target,
        goals.is_more_better,
        row_number() over (
            partition by months.month, goals.source, goals.pipeline, goals.stage, goals.goal
            order by goals.goal_number desc
        ) as place_from_last
    from {{ ref('stg_config__goals') }} as goals
    inner join months
        on months.month >= coalesce(goals.first_month, {{ since_ever() }})
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
        and goals.stage is null
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
)

select
    month,
    source,
    pipeline,
    stage,
    goal,
    target,
    actual,
    {{ ratio('actual', 'target') }} as attainment,
    is_more_better,
    is_complete_month
from compared
