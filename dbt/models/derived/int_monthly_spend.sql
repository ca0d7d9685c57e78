-- Spend by month and grain value, contiguous from the first month in which a row carries the value to the run's month.
with run as (
    select * from {{ ref('stg_config__run') }}
),

spend as (
    select
        *,
        {{ month_of('spent_on') }} as month,
        case when pipeline is not null then concat_ws('', source, ':', pipeline) end as pipeline_value
    from {{ ref('fct_spend') }}
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
