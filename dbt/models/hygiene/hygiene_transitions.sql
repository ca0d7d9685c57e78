-- One row per transition that counts, of a deal that is not deleted (expectations/transitions.yml).
with transitions as (
    select * from {{ ref('fct_stage_transitions') }}
    where is_counted
),

deals as (
    select deal_key from {{ ref('fct_deals') }}
    where status != 'deleted'
),

stages as (
    select
        source,
        pipeline,
        stage,
        stage_order,
        is_mandatory
    from {{ ref('dim_stages') }}
),

-- the first mandatory stage that a deal went over
passed_over as (
    select
        transitions.transition_key,
        min_by(mandatory.stage, mandatory.stage_order) as mandatory_stage
    from transitions
    inner join stages as entered
        on transitions.source = entered.source
        and transitions.pipeline = entered.pipeline
        and transitions.to_stage = entered.stage
    inner join stages as left_behind
        on transitions.source = left_behind.source
        and transitions.pipeline = left_behind.pipeline
        and transitions.from_stage = left_behind.stage
    inner join stages as mandatory
        on transitions.source = mandatory.source
        and transitions.pipeline = mandatory.pipeline
        and left_behind.stage_order < mandatory.stage_order
        and entered.stage_order > mandatory.stage_order
    where
        transitions.direction = 'skipped'
        and mandatory.is_mandatory
    group by transitions.transition_key
)

select
    transitions.transition_key as record_key,
    transitions.source,
    transitions.pipeline,
    transitions.owner_key,
    transitions.deal_key,
    transitions.direction,
    transitions.from_stage,
    transitions.to_stage,
    transitions.transitioned_at,
    passed_over.mandatory_stage
from transitions
inner join deals on transitions.deal_key = deals.deal_key
left join passed_over on transitions.transition_key = passed_over.transition_key
