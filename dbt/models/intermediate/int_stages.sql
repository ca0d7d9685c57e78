-- Every stage of every pipeline: configured, met, and the implicit Won and Lost. A stage nobody configured is a win or
-- a loss if the rows that stand in it are; else it stands just after the configured open stage most often entered
-- before it, and shares that one's canonical stage. A pipeline has stages if somebody configured it or names it, or if
-- something stands in it.
with pipelines as (
    select
        source,
        pipeline
    from {{ ref('int_pipeline_names') }}
    where pipeline_name != ''

    union

    select
        source,
        pipeline
    from {{ ref('int_stage_names') }}

    union

    select
        source,
        pipeline
    from {{ ref('int_stage_events') }}

    union

    -- deals without a stage stand in a pipeline all the same
    select
        deals.source,
        coalesce(deals.row_pipeline, 'default') as pipeline
    from {{ ref('int_deals') }} as deals
    left join {{ ref('int_stage_events') }} as events on deals.deal_key = events.deal_key
    where
        deals.row_stage is null
        and events.deal_key is null
),

names as (
    select distinct
        source,
        pipeline_key,
        stage_key
    from {{ ref('int_stage_names') }}
),

-- of a pipeline that nobody configured those in which somebody stood
configured as (
    select stages.*
    from {{ ref('stg_config__stages') }} as stages
    inner join pipelines
        on stages.source = pipelines.source
        and stages.pipeline = pipelines.pipeline
    left join names
        on stages.source = names.source
        and stages.pipeline_key = names.pipeline_key
        and stages.stage_key = names.stage_key
    where
        names.stage_key is not null
        or stages.is_met is not true
),

met as (
    select distinct
        source,
        pipeline,
        pipeline_key,
        stage,
        stage_key,
        outcome
    from {{ ref('int_stage_names') }}
    where not is_configured
),

last_configured_before as (
    select
        events.source,
        events.pipeline,
        events.stage,
        configured.stage is not null as is_configured,
        {{ last_filled(
            'case when not configured.is_won and not configured.is_lost then configured.stage_key end'
        ) }} over (
            partition by events.deal_key, events.pipeline
            order by events.event_number
            rows between unbounded preceding and 1 preceding
        ) as predecessor_key
    from {{ ref('int_stage_events') }} as events
    left join configured
        on events.source = configured.source
        and events.pipeline = configured.pipeline
        and events.stage = configured.stage
),

predecessors as (
    select
        entries.source,
        entries.pipeline,
        entries.stage,
        configured.stage_order,
        count(*) as entries
    from last_configured_before as entries
    inner join configured
        on entries.source = configured.source
        and entries.pipeline = configured.pipeline
        and entries.predecessor_key = configured.stage_key
    where not entries.is_configured
    group by
        entries.source,
        entries.pipeline,
        entries.stage,
        configured.stage_order
),

most_often as (
    select
        source,
        pipeline,
        stage,
        stage_order,
        row_number() over (
            partition by source, pipeline, stage
            order by entries desc, stage_order
        ) as place
    from predecessors
),

placed as (
    select
        met.*,
        coalesce(most_often.stage_order, 0) as after_order,
        row_number() over (
            partition by met.source, met.pipeline, coalesce(most_often.stage_order, 0)
            order by met.stage_key
        ) as place_after,
        count(*) over (
            partition by met.source, met.pipeline, coalesce(most_often.stage_order, 0)
        ) as placed_after
    from met
    left join most_often
        on met.source = most_often.source
        and met.pipeline = most_often.pipeline
        and met.stage = most_often.stage
        and most_often.place = 1
    where met.outcome = 'open'
),

unconfigured as (
    select
        placed.source,
        placed.pipeline,
        placed.stage,
        placed.after_order + placed.place_after / (placed.placed_after + 1.0) as stage_order,
        coalesce(configured.canonical_stage, 'prospecting') as canonical_stage,
        false as is_marked_qualified,
        false as is_won,
        false as is_lost,
        false as is_mandatory,
        cast(null as double) as win_probability,
        false as is_configured
    from placed
    left join configured
        on placed.source = configured.source
        and placed.pipeline = configured.pipeline
        and placed.after_order = configured.stage_order
),

-- won and lost ones nobody configured, after all others; Won and Lost themselves are implicit
closing as (
    select
        source,
        pipeline,
        stage,
        1000.0 + case outcome when 'won' then 1 else 2 end
        + row_number() over in_order / (count(*) over (partition by source, pipeline, outcome) + 1.0) as stage_order,
        outcome as canonical_stage,
        false as is_marked_qualified,
        outcome = 'won' as is_won,
        outcome = 'lost' as is_lost,
        false as is_mandatory,
        cast(null as double) as win_probability,
        false as is_configured
    from met
    where
        outcome in ('won', 'lost')
        and stage_key not in ('won', 'lost')
    window in_order as (partition by source, pipeline, outcome order by stage_key)
),

implicit as (
    select
        outcomes.source,
        outcomes.pipeline,
        outcomes.stage,
        1000.0 + case outcomes.outcome when 'won' then 1 else 2 end as stage_order,
        outcomes.outcome as canonical_stage,
        false as is_marked_qualified,
        outcomes.outcome = 'won' as is_won,
        outcomes.outcome = 'lost' as is_lost,
        false as is_mandatory,
        case outcomes.outcome when 'won' then 1.0 else 0.0 end as win_probability,
        false as is_configured
    from {{ ref('int_terminal_stages') }} as outcomes
    inner join pipelines
        on outcomes.source = pipelines.source
        and outcomes.pipeline = pipelines.pipeline
    where not outcomes.is_configured
),

all_stages as (
    select
        source,
        pipeline,
        stage,
        stage_order,
        canonical_stage,
        is_marked_qualified,
        is_won,
        is_lost,
        is_mandatory,
        win_probability,
        is_configured
    from configured
    union all
    select * from unconfigured
    union all
    select * from closing
    union all
    select * from implicit
),

with_canonical as (
    select
        all_stages.*,
        canonical.canonical_order,
        min(case when all_stages.is_marked_qualified then all_stages.stage_order end)
            over (partition by all_stages.source, all_stages.pipeline) as qualified_from_order,
        max(all_stages.is_marked_qualified) over (partition by all_stages.source, all_stages.pipeline)
            as pipeline_marks_qualified,
        sum(cast(all_stages.is_mandatory as integer)) over (
            partition by all_stages.source, all_stages.pipeline
            order by all_stages.stage_order
            rows between unbounded preceding and 1 preceding
        ) as mandatory_before
    from all_stages
    inner join {{ ref('canonical_stages') }} as canonical
        on all_stages.canonical_stage = canonical.canonical_stage
)

select
    source,
    pipeline,
    stage,
    stage_order,
    canonical_stage,
    canonical_order,
    case
        when is_won then true
        when is_lost then false
        when pipeline_marks_qualified then stage_order >= qualified_from_order
        else canonical_order >= 3
    end as is_qualified,
    is_won,
    is_lost,
    case when is_won then 'won' when is_lost then 'lost' else 'open' end as outcome,
    is_mandatory,
    coalesce(mandatory_before, 0) as mandatory_before,
    win_probability,
    is_configured
from with_canonical
