-- The causes of a cell add up to what it is now less what it was, to 1e-9 of the larger.
with summed as (
    select
        month,
        metric,
        grain,
        grain_value,
        min(value_before) as value_before,
        min(value_now) as value_now,
        sum(difference) as difference
    from {{ ref('restatements') }}
    group by
        month,
        metric,
        grain,
        grain_value
)

select
    month,
    metric,
    grain,
    grain_value
from summed
where
    abs(value_now - value_before - difference) > 1e-9 * greatest(abs(value_now), abs(value_before), 1)
    or (value_now is null or value_before is null) != (difference is null)
