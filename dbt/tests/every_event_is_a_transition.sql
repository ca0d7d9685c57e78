-- No entry into a stage is lost between its telling and the transitions: every stage of an event has its place.
with events as (
    select
        deal_key,
        count(*) as events
    from {{ ref('int_stage_events') }}
    group by deal_key
),

transitions as (
    select
        deal_key,
        count(*) as transitions
    from {{ ref('fct_stage_transitions') }}
    group by deal_key
)

select
    events.deal_key,
    events.events,
    transitions.transitions
from events
left join transitions on events.deal_key = transitions.deal_key
where events.events != coalesce(transitions.transitions, 0)
