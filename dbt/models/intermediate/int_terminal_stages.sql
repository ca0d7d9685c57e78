-- The stage a deal stands in when its CRM says won or lost as a status: one row per source, pipeline and outcome.
with pipelines as (
    select
        source,
        pipeline,
        pipeline_key
    from {{ ref('int_pipeline_names') }}

    union

    select
        source,
        pipeline,
        pipeline_key
    from {{ ref('stg_config__pipelines') }}
),

outcomes as (
    select
        'won' as outcome,
        'Won' as stage
    union all
    select
        'lost' as outcome,
        'Lost' as stage
)

select
    pipelines.source,
    pipelines.pipeline,
    pipelines.pipeline_key,
    outcomes.outcome,
    coalesce(configured.stage, outcomes.stage) as stage,
    configured.stage is not null as is_configured
from pipelines
cross join outcomes
left join {{ ref('stg_config__stages') }} as configured
    on pipelines.source = configured.source
    and pipelines.pipeline_key = configured.pipeline_key
    and outcomes.outcome = configured.stage_key
