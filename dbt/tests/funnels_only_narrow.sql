-- Fewer deals come to a later step, never more; no step is reached by more than were created, nor left by more.
with steps as (
    select
        *,
        lead(reached) over (partition by month, source, pipeline, entity order by step_order) as reached_next
    from {{ ref('mart_funnel') }}
)

select
    month,
    source,
    pipeline,
    entity,
    step
from steps
where
    reached > created
    or dropped > ended
    or ended > created
    or (entity = 'deals' and reached_next > reached)
    or (entity = 'deals' and dropped + reached_next > reached)
