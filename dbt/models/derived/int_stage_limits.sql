-- What each open stage allows and requires: as configured for it, else for its pipeline, else for all. A limit in days
-- that is `auto` comes from the stage's own history: nine of ten visits were over by then, those still open counted.
{% set auto_needs_visits = 30 %}

with stages as (
    select * from {{ ref('int_stages') }}
    where outcome = 'open'
),

configured as (
    select * from {{ ref('stg_config__stages') }}
),

-- a stage nobody configured stands after a configured one, and requires what that one does
placed as (
    select
        stages.source,
        stages.pipeline,
        stages.stage,
        coalesce(configured.required_fields, run.required_fields) as required_fields
        {%- for limit in ['stale_after_days', 'max_days_in_stage', 'max_close_date_pushes'] %},
        case
            when stages.is_configured then configured.{{ limit }}
            when pipelines.pipeline is not null then pipelines.{{ limit }}
            else run.{{ limit }}
        end as {{ limit }}
        {%- endfor %}
    from stages
    cross join {{ ref('stg_config__run') }} as run
    left join configured
        on stages.source = configured.source
        and stages.pipeline = configured.pipeline
        and floor(stages.stage_order) = configured.stage_order
    left join {{ ref('stg_config__pipelines') }} as pipelines
        on stages.source = pipelines.source
        and stages.pipeline = pipelines.pipeline
)

select
    placed.source,
    placed.pipeline,
    placed.stage,
    placed.required_fields,
    placed.max_close_date_pushes
    {%- for limit, without_history in days_without_history().items() %},
    cast(
        coalesce(
            placed.{{ limit }},
            case when history.visits >= {{ auto_needs_visits }} then history.days_in_stage_km_p90 end,
            {{ without_history }}
        ) as integer
    ) as {{ limit }}
    {%- endfor %}
from placed
left join {{ ref('mart_time_in_stage') }} as history
    on placed.source = history.source
    and placed.pipeline = history.pipeline
    and placed.stage = history.stage
