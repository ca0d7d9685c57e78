-- Every pipeline that a fact or a stage names.
with named as (
    {% for table in ['dim_stages', 'fct_deals', 'fct_stage_transitions'] %}
    select
        source,
        pipeline
    from {{ ref(table) }}
    {{ 'union' if not loop.last }}
    {% endfor %}
),

stages as (
    select
        source,
        pipeline,
        max(is_configured) as is_configured,
        count(case when not is_won and not is_lost then 1 end) as open_stages
    from {{ ref('dim_stages') }}
    group by
        source,
        pipeline
)

select
    {{ pipeline_key('named.source', 'named.pipeline') }} as pipeline_key,
    named.source,
    named.pipeline,
    coalesce(stages.is_configured, false) as is_configured,
    cast(coalesce(stages.open_stages, 0) as integer) as open_stages
from named
left join stages
    on named.source = stages.source
    and named.pipeline = stages.pipeline
