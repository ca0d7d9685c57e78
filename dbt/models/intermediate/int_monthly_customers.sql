-- Revenue and customers by month and grain value, contiguous from the first revenue of the value to the run's month, and
-- what stands in the twelve months that end with each.
with run as (
    select * from {{ source('config', 'run') }}
),

counted as (
    {{ by_grain(ref('fct_customer_months'), 'month', 'customers', {
        'revenue': 'sum(revenue_reporting)',
        'lines_without_rate': 'sum(lines_without_rate)',
        'active_customers': 'count(case when is_active then 1 end)',
        'active_month_before': 'count(case when was_active_month_before then 1 end)',
        'churned_customers': 'count(case when is_churned then 1 end)',
    }) }}
),

months as (
    select
        spans.grain,
        spans.grain_value,
        spans.month_number + 1 as months_of_revenue,
        {{ add_months('spans.first_month', 'spans.month_number') }} as month
    from (
        select
            counted.grain,
            counted.grain_value,
            min(counted.month) as first_month,
            {{ numbers_to(months_between('min(counted.month)', 'min(run.as_of_date)')) }} as month_number
        from counted
        cross join run
        group by
            counted.grain,
            counted.grain_value
    ) as spans
)

select
    months.grain,
    months.grain_value,
    months.month,
    months.months_of_revenue,
    coalesce(sum(counted.revenue) over twelve_months, 0) as revenue,
    coalesce(sum(counted.lines_without_rate) over twelve_months, 0) as lines_without_rate,
    coalesce(sum(counted.active_customers) over twelve_months, 0) as active_customer_months,
    coalesce(sum(counted.active_month_before) over twelve_months, 0) as active_months_before,
    coalesce(sum(counted.churned_customers) over twelve_months, 0) as churned_customers
from months
left join counted
    on months.grain = counted.grain
    and months.grain_value is not distinct from counted.grain_value
    and months.month = counted.month
window twelve_months as (
    partition by months.grain, months.grain_value
    order by months.month
    rows between 11 preceding and current row
)
