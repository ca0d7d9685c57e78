-- A customer's revenue lines stand in its months, to the cent; left out are customers with a line that has no rate or
-- reaches beyond the run's month
with lines as (
    select
        revenue.account_key,
        sum(revenue.amount_reporting) as amount
    from {{ ref('stg_revenue') }} as revenue
    cross join {{ ref('stg_config__run') }} as run
    group by revenue.account_key
    having
        count(*) = count(revenue.amount_reporting)
        and max({{ months_between('run.as_of_date', 'revenue.earned_to') }}) <= 0
),

months as (
    select
        account_key,
        sum(revenue_reporting) as amount
    from {{ ref('fct_customer_months') }}
    group by account_key
)

select
    lines.account_key,
    lines.amount,
    months.amount as amount_of_months
from lines
left join months on lines.account_key = months.account_key
where
    months.amount is null
    or lines.amount != months.amount
