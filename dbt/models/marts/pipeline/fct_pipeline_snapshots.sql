with stretches as (
    select * from {{ ref('int_open_stretches') }}
),

month_ends as (
    select max(dates.date_day) as snapshot_on
    from {{ ref('dim_dates') }} as dates
    cross join {{ ref('stg_config__run') }} as run
    group by
        dates.month,
        run.as_of_date
    having max(dates.date_day) < run.as_of_date
),

owners as (
    {{ value_stretches('owner') }}
)

select
    month_ends.snapshot_on,
    stretches.deal_key,
    stretches.source,
    stretches.pipeline,
    stretches.stage,
    {{ pipeline_key('stretches.source', 'stretches.pipeline') }} as pipeline_key,
    {{ stage_key('stretches.source', 'stretches.pipeline', 'stretches.stage') }} as stage_key,
    stretches.canonical_stage,
    case when owners.deal_key is not null then owners.value else deals.owner_key end as owner_key,
    stretches.amount_reporting,
    cast({{ days_between('stretches.entered_on', 'month_ends.snapshot_on') }} as double) as days_in_stage
from stretches
inner join month_ends
    on stretches.from_on <= month_ends.snapshot_on
    and (stretches.until_on is null or stretches.until_on > month_ends.snapshot_on)
inner join {{ ref('fct_deals') }} as deals on stretches.deal_key = deals.deal_key
left join owners
    on stretches.deal_key = owners.deal_key
    and month_ends.snapshot_on >= owners.from_on
    and month_ends.snapshot_on < owners.until_on
