with stretches as (
    select * from {{ ref('int_open_stretches') }}
),

run as (
    select * from {{ ref('stg_config__run') }}
),

-- what comes and goes on each day
moves as (
    select
        source,
        pipeline,
        stage,
        from_on as day,
        1 as deals,
        coalesce(amount_reporting, 0) as amount
    from stretches

    union all

    select
        source,
        pipeline,
        stage,
        until_on as day,
        -1 as deals,
        -coalesce(amount_reporting, 0) as amount
    from stretches
    where until_on is not null
),

by_day as (
    select
        source,
        pipeline,
        stage,
        day,
        sum(deals) as deals,
        sum(amount) as amount
    from moves
    group by
        source,
        pipeline,
        stage,
        day
),

standing as (
    select
        source,
        pipeline,
        stage,
        day as from_on,
        lead(day) over in_order as until_on,
        sum(deals) over in_order as open_deals,
        sum(amount) over in_order as open_amount
    from by_day
    window in_order as (partition by source, pipeline, stage order by day)
)

select
    dates.date_day,
    standing.source,
    standing.pipeline,
    standing.stage,
    stages.stage_order,
    stages.canonical_stage,
    cast(standing.open_deals as bigint) as open_deals,
    cast(standing.open_amount as decimal(18, 2)) as open_amount,
    dates.date_day < run.as_of_date as is_complete_day
from standing
cross join run
inner join {{ ref('dim_dates') }} as dates
    on standing.from_on <= dates.date_day
    and (standing.until_on is null or standing.until_on > dates.date_day)
    and run.as_of_date >= dates.date_day
left join {{ ref('dim_stages') }} as stages
    on standing.source = stages.source
    and standing.pipeline = stages.pipeline
    and standing.stage = stages.stage
where standing.open_deals > 0
