-- What stages lose is what the pipeline loses, but for deals that were deleted after their loss.
with of_stages as (
    select
        month,
        source,
        sum(lost_deals) as deals,
        sum(lost_amount) as amount
    from {{ ref('mart_bottlenecks') }}
    group by
        month,
        source
),

of_deleted as (
    select
        cast(date_trunc('month', spells.closed_on) as date) as month,
        spells.source,
        count(*) as deals,
        sum(coalesce(spells.closing_amount, 0)) as amount
    from {{ ref('int_open_spells') }} as spells
    inner join {{ ref('fct_deals') }} as deals on spells.deal_key = deals.deal_key
    where
        spells.outcome = 'lost'
        and deals.status = 'deleted'
    group by
        cast(date_trunc('month', spells.closed_on) as date),
        spells.source
),

of_pipelines as (
    select
        month,
        source,
        sum(lost_deals) as deals,
        sum(lost_amount) as amount
    from {{ ref('mart_pipeline_movements') }}
    group by
        month,
        source
)

select
    of_pipelines.month,
    of_pipelines.source
from of_pipelines
left join of_stages
    on of_pipelines.month = of_stages.month
    and of_pipelines.source = of_stages.source
left join of_deleted
    on of_pipelines.month = of_deleted.month
    and of_pipelines.source = of_deleted.source
where
    of_pipelines.deals != coalesce(of_stages.deals, 0) + coalesce(of_deleted.deals, 0)
    or of_pipelines.amount != coalesce(of_stages.amount, 0) + coalesce(of_deleted.amount, 0)
