-- The union of the shapes that tell history, each deal by its best evidence (macros/evidence.sql). A further shape is
-- one more part of `stage_events`.
with stage_events as (
    select
        deal_key,
        source,
        deal_id,
        pipeline,
        stage,
        entered_at,
        shape_position,
        amount,
        owner_id,
        lost_reason,
        left_pipeline,
        left_stage,
        cast(null as string) as named_stage,
        'logged' as evidence
    from {{ ref('int_logged_stage_events') }}

    union all

    select
        deal_key,
        source,
        deal_id,
        pipeline,
        stage,
        entered_at,
        shape_position,
        amount,
        owner_id,
        cast(null as string) as lost_reason,
        left_pipeline,
        left_stage,
        cast(null as string) as named_stage,
        'versioned' as evidence
    from {{ ref('int_versioned_stage_events') }}

    union all

    select
        deal_key,
        source,
        deal_id,
        pipeline,
        stage,
        entered_at,
        shape_position,
        cast(null as decimal(18, 2)) as amount,
        cast(null as string) as owner_id,
        cast(null as string) as lost_reason,
        cast(null as string) as left_pipeline,
        cast(null as string) as left_stage,
        cast(null as string) as named_stage,
        'dated' as evidence
    from {{ ref('int_dated_stage_events') }}

    union all

    select
        deal_key,
        source,
        deal_id,
        pipeline,
        stage,
        entered_at,
        shape_position,
        amount,
        owner_id,
        lost_reason,
        left_pipeline,
        left_stage,
        named_stage,
        'observed' as evidence
    from {{ ref('int_observed_stage_events') }}
),

best as (
    {{ by_best_evidence(
        'stage_events',
        subject=['deal_key'],
        at='entered_at',
        number='event_number',
        before=['stage', 'pipeline']
    ) }}
),

counted as (
    select
        *,
        count(*) over (partition by deal_key) as events
    from best
)

select
    * {{ except_columns(['events']) }},
    -- a change to the stage a deal is already in is no transition
    coalesce(stage_before, '') != stage or coalesce(pipeline_before, '') != pipeline as is_change
from counted
-- a deal that stands in the first full extract, and of which nothing else is ever told, is told by its row alone
where
    events > 1
    or evidence != 'observed'
    or left_stage is null
