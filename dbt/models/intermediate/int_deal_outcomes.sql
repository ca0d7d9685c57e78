-- Where the history of each deal has led: its last stage that counts, its closing transition, when it qualified.
with all_transitions as (
    select * from {{ ref('int_stage_transitions') }}
),

transitions as (
    select * from all_transitions
    where is_counted
),

-- how often it was closed, whatever counts
closes as (
    select
        deal_key,
        count(*) as closes
    from all_transitions
    where
        outcome in ('won', 'lost')
        and (from_outcome is null or from_outcome != outcome)
    group by deal_key
),

-- the transition that opens the last unbroken run of one outcome
closings as (
    select
        deal_key,
        max_by(entered_at, transition_number) as closed_at
    from transitions
    where
        outcome in ('won', 'lost')
        and (from_outcome is null or from_outcome != outcome)
    group by deal_key
)

select
    transitions.deal_key,
    max_by(transitions.pipeline, transitions.transition_number) as pipeline,
    max_by(transitions.stage, transitions.transition_number) as stage,
    max_by(transitions.canonical_stage, transitions.transition_number) as canonical_stage,
    max_by(transitions.outcome, transitions.transition_number) as outcome,
    -- of a first close that stands
    max(transitions.is_standing_close) as first_close_stands,
    max(case when transitions.is_standing_close then transitions.evidence end) as standing_close_evidence,
    max(case when transitions.is_standing_close then transitions.lost_reason end) as standing_lost_reason,
    -- entering its first known stage is no change, and may be known only by the delivery that first shows it
    max(case when transitions.from_stage is not null then transitions.entered_at end) as last_stage_change_at,
    min(case when transitions.is_qualified then transitions.entered_at end) as qualified_at,
    max(transitions.is_qualified) as is_qualified,
    min(transitions.evidence = 'inferred') as is_only_inferred,
    min(closings.closed_at) as closed_at,
    min(closes.closes) as closes
from transitions
left join closings on transitions.deal_key = closings.deal_key
left join closes on transitions.deal_key = closes.deal_key
group by transitions.deal_key
