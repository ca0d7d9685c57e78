-- A month begins with what the one before ended with, the first with nothing, and no month is missing.
with paired as (
    select
        month,
        source,
        pipeline,
        opening_deals,
        opening_amount,
        lag(month) over in_order as previous_month,
        lag(closing_deals) over in_order as previous_deals,
        lag(closing_amount) over in_order as previous_amount
    from {{ ref('mart_pipeline_movements') }}
    window in_order as (partition by source, pipeline order by month)
)

select
    month,
    source,
    pipeline
from paired
where
    opening_deals != coalesce(previous_deals, 0)
    or opening_amount != coalesce(previous_amount, 0)
    or month != {{ add_months('previous_month', 1) }}
