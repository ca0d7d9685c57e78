-- The transitions of a deal are numbered without gaps, never go back in time, and each leaves the stage before it.
with paired as (
    select
        deal_key,
        transition_number,
        from_stage,
        transitioned_at,
        lag(to_stage) over (partition by deal_key order by transition_number) as previous_stage,
        lag(transitioned_at) over (partition by deal_key order by transition_number) as previous_at,
        row_number() over (partition by deal_key order by transition_number) as place
    from {{ ref('fct_stage_transitions') }}
)

select
    deal_key,
    transition_number
from paired
where
    transition_number != place
    or transitioned_at < previous_at
    or from_stage is distinct from previous_stage
