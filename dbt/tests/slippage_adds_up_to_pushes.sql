-- Every push of a deal that is not deleted is in one month of its pipeline.
with by_month as (
    select
        source,
        pipeline,
        sum(pushes + pushes_while_closed) as pushes
    from {{ ref('mart_close_date_slippage') }}
    group by
        source,
        pipeline
),

by_deal as (
    select
        source,
        pipeline,
        sum(close_date_pushes) as pushes
    from {{ ref('fct_deals') }}
    where status != 'deleted'
    group by
        source,
        pipeline
)

select
    by_deal.source,
    by_deal.pipeline
from by_deal
left join by_month
    on by_deal.source = by_month.source
    and by_deal.pipeline = by_month.pipeline
where by_deal.pushes != coalesce(by_month.pushes, 0)
