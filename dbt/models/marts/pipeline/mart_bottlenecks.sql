with deals as (
    select
        deal_key,
        status
    from {{ ref('fct_deals') }}
    where status != 'deleted'
),

months as (
    select
        month,
        min(is_complete_month) as is_complete_month,
        {{ add_months('month', 1) }} as next_month
    from {{ ref('int_pipeline_months') }}
    group by month
),

stretches as (
    select
        stretches.source,
        stretches.pipeline,
        stretches.stage,
        deals.status,
        stretches.from_on,
        -- the run's day counts, as in mart_pipeline_daily
        coalesce(stretches.until_on, cast(run.as_of_date + 1 as date)) as until_on
    from {{ ref('int_open_stretches') }} as stretches
    inner join deals on stretches.deal_key = deals.deal_key
    cross join {{ ref('stg_config__run') }} as run
),

losses_and_days as (
    select
        months.month,
        stretches.source,
        stretches.pipeline,
        stretches.stage,
        {{ days_between(
            'greatest(stretches.from_on, months.month)', 'least(stretches.until_on, months.next_month)'
        ) }} as deal_days,
        stretches.status = 'lost' as is_lost_later,
        0 as lost_deals,
        0 as lost_amount
    from stretches
    inner join months
        on stretches.from_on < months.next_month
        and stretches.until_on > months.month

    union all

    select
        {{ month_of('spells.closed_on') }} as month,
        spells.source,
        coalesce(spells.closing_pipeline, spells.pipeline) as pipeline,
        spells.closing_stage as stage,
        0 as deal_days,
        false as is_lost_later,
        1 as lost_deals,
        coalesce(spells.closing_amount, 0) as lost_amount
    from {{ ref('int_open_spells') }} as spells
    inner join deals on spells.deal_key = deals.deal_key
    where spells.outcome = 'lost'
),

by_stage as (
    select
        month,
        source,
        pipeline,
        stage,
        sum(deal_days) as deal_days,
        sum(case when is_lost_later then deal_days else 0 end) as deal_days_of_lost,
        sum(lost_deals) as lost_deals,
        sum(lost_amount) as lost_amount
    from losses_and_days
    group by
        month,
        source,
        pipeline,
        stage
)

select
    by_stage.month,
    by_stage.source,
    by_stage.pipeline,
    by_stage.stage,
    stages.stage_order,
    stages.canonical_stage,
    months.is_complete_month,
    cast(by_stage.deal_days as bigint) as deal_days,
    cast(by_stage.deal_days_of_lost as bigint) as deal_days_of_lost,
    cast(by_stage.lost_deals as bigint) as lost_deals,
    cast(by_stage.lost_amount as decimal(18, 2)) as lost_amount,
    {{ ratio('by_stage.deal_days', 'sum(by_stage.deal_days) over in_pipeline') }} as share_of_days,
    {{ ratio('by_stage.lost_amount', 'sum(by_stage.lost_amount) over in_pipeline') }} as share_of_lost_amount,
    case when by_stage.deal_days > 0 then rank() over in_pipeline_by_days end
        as rank_by_days,
    case when by_stage.lost_amount > 0 then rank() over in_pipeline_by_loss end
        as rank_by_lost_amount
from by_stage
inner join months on by_stage.month = months.month
left join {{ ref('dim_stages') }} as stages
    on by_stage.source = stages.source
    and by_stage.pipeline = stages.pipeline
    and by_stage.stage = stages.stage
window
    in_pipeline as (partition by by_stage.month, by_stage.source, by_stage.pipeline),
    in_pipeline_by_days as (
        partition by by_stage.month, by_stage.source, by_stage.pipeline
        order by by_stage.deal_days desc
    ),
    in_pipeline_by_loss as (
        partition by by_stage.month, by_stage.source, by_stage.pipeline
        order by by_stage.lost_amount desc
    )
