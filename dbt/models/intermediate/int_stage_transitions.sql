-- The transitions of every deal, numbered, with where they lead, and whether they still count: where the first close
-- of a pipeline stands (`keep_first`), what comes after it is told but looked at by nothing else.
with events as (
    select
        events.*,
        stages.stage_order,
        stages.canonical_stage,
        stages.canonical_order,
        stages.is_qualified,
        stages.outcome,
        stages.is_mandatory,
        stages.mandatory_before,
        coalesce(pipelines.after_close, sources.after_close) as after_close
    from {{ ref('int_stage_events') }} as events
    inner join {{ ref('int_stages') }} as stages
        on events.source = stages.source
        and events.pipeline = stages.pipeline
        and events.stage = stages.stage
    left join {{ ref('stg_config__pipelines') }} as pipelines
        on events.source = pipelines.source
        and events.pipeline = pipelines.pipeline
    inner join {{ ref('stg_config__sources') }} as sources on events.source = sources.source
),

paired as (
    select
        *,
        row_number() over in_order as transition_number,
        lag(stage) over in_order as from_stage,
        lag(pipeline) over in_order as from_pipeline,
        lag(canonical_stage) over in_order as from_canonical_stage,
        lag(canonical_order) over in_order as from_canonical_order,
        lag(stage_order) over in_order as from_stage_order,
        lag(outcome) over in_order as from_outcome,
        lag(mandatory_before + cast(is_mandatory as integer)) over in_order as from_mandatory_passed,
        lag(entered_at) over in_order as from_entered_at
    from events
    window in_order as (partition by deal_key order by event_number)
),

directed as (
    select
        *,
        case
            when from_stage is null then 'created'
            when outcome in ('won', 'lost') then outcome
            when from_outcome in ('won', 'lost') then 'reopened'
            when pipeline != from_pipeline
                then case when canonical_order >= from_canonical_order then 'advanced' else 'regressed' end
            when stage_order < from_stage_order then 'regressed'
            when mandatory_before > from_mandatory_passed then 'skipped'
            else 'advanced'
        end as direction
    from paired
),

first_close_that_stands as (
    select
        deal_key,
        min(transition_number) as transition_number
    from directed
    where
        outcome in ('won', 'lost')
        and after_close = 'keep_first'
    group by deal_key
),

counted as (
    select
        directed.*,
        directed.transition_number <= coalesce(stands.transition_number, directed.transition_number) as is_counted,
        coalesce(directed.transition_number = stands.transition_number, false) as is_standing_close
    from directed
    left join first_close_that_stands as stands on directed.deal_key = stands.deal_key
)

select
    deal_key,
    source,
    pipeline,
    stage,
    canonical_stage,
    outcome,
    is_qualified,
    entered_at,
    transition_number,
    from_pipeline,
    from_stage,
    from_canonical_stage,
    from_outcome,
    from_entered_at,
    direction,
    amount,
    owner_id,
    lost_reason,
    evidence,
    is_current_shape,
    is_counted,
    is_standing_close,
    -- of a stay in an open stage: what follows it counts whenever it does
    lead(entered_at) over in_order as next_entered_at,
    lead(direction) over in_order as next_direction,
    row_number() over (
        partition by deal_key, entered_at, from_stage, stage
        order by transition_number
    ) as tie_number
from counted
window in_order as (partition by deal_key order by transition_number)
