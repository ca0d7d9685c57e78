with run as (
    select * from {{ ref('stg_config__run') }}
),

counted as (
    select
        source,
        segment,
        month,
        sum(revenue_reporting) as revenue,
        sum(lines_without_rate) as lines_without_rate,
        count(case when is_active then 1 end) as active_customers,
        count(case when was_active_month_before then 1 end) as active_month_before,
        count(case when is_churned then 1 end) as churned_customers
    from {{ ref('fct_customer_months') }}
    group by
        source,
        segment,
        month
),

-- every month from the first with revenue to the run's
months as (
    select
        spans.source,
        spans.segment,
        spans.month_number + 1 as months_of_revenue,
        {{ add_months('spans.first_month', 'spans.month_number') }} as month
    from (
        select
            counted.source,
            counted.segment,
            min(counted.month) as first_month,
            {{ numbers_to(months_between('min(counted.month)', 'min(run.as_of_date)')) }} as month_number
        from counted
        cross join run
        group by
            counted.source,
            counted.segment
    ) as spans
)

select
    months.source,
    months.segment,
    months.month,
    {{ add_months('months.month', 1) }} <= run.as_of_date as is_complete_month,
    cast(months.months_of_revenue as integer) as months_of_revenue,
    cast(coalesce(sum(counted.revenue) over twelve_months, 0) as decimal(18, 2)) as revenue,
    cast(coalesce(sum(counted.lines_without_rate) over twelve_months, 0) as bigint) as lines_without_rate,
    cast(coalesce(sum(counted.active_customers) over twelve_months, 0) as bigint) as active_customer_months,
    cast(coalesce(sum(counted.active_month_before) over twelve_months, 0) as bigint) as active_months_before,
    cast(coalesce(sum(counted.churned_customers) over twelve_months, 0) as bigint) as churned_customers,
    cast(run.gross_margin as double) as gross_margin
from months
cross join run
left join counted
    on months.source = counted.source
    and months.segment is not distinct from counted.segment
    and months.month = counted.month
window twelve_months as (
    partition by months.source, months.segment
    order by months.month
    rows between 11 preceding and current row
)
