-- Spend by month and grain value, contiguous from the first month in which a row carries the value to the run's month.
with run as (
    select * from {{ source('config', 'run') }}
),

spend as (
    select
        spend.source,
        spend.owner_key,
        spend.segment,
        spend.lead_source,
        spend.amount_reporting,
        {{ month_of('spend.spent_on') }} as month,
        case when spend.pipeline_name is not null then concat(spend.source, ':', names.pipeline) end as pipeline_value
    from {{ ref('stg_spend') }} as spend
    left join {{ ref('int_pipeline_names') }} as names
        on spend.source = names.source
        and spend.pipeline_name = names.pipeline_name
),

spent as (
    {{ by_grain('spend', 'month', 'spend', {
        'spend': 'sum(amount_reporting)',
        'spend_rows_without_rate': 'count(*) - count(amount_reporting)',
    }) }}
),

months as (
    select
        spans.grain,
        spans.grain_value,
        {{ add_months('spans.first_month', 'spans.month_number') }} as month
    from (
        select
            spent.grain,
            spent.grain_value,
            min(spent.month) as first_month,
            {{ numbers_to(months_between('min(spent.month)', 'min(run.as_of_date)')) }} as month_number
        from spent
        cross join run
        -- a row without the attribute counts in no value of the grain
        where spent.grain_value is not null
        group by
            spent.grain,
            spent.grain_value
    ) as spans
)

select
    months.grain,
    months.grain_value,
    months.month,
    -- a sum without some of its rows would be too small
    case when coalesce(spent.spend_rows_without_rate, 0) = 0 then coalesce(spent.spend, 0) end as spend,
    coalesce(spent.spend_rows_without_rate, 0) as spend_rows_without_rate
from months
left join spent
    on months.grain = spent.grain
    and months.grain_value = spent.grain_value
    and months.month = spent.month
