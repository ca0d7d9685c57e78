with run as (
    select * from {{ ref('stg_config__run') }}
),

-- an amount without a rate is taken as it is: its sum is not shown, but it tells whether the customer is active
lines as (
    select
        revenue.source,
        revenue.account_key,
        revenue.account_id,
        coalesce(revenue.amount_reporting, revenue.amount) as amount,
        revenue.amount_reporting is null as lacks_rate,
        {{ month_of('revenue.earned_from') }} as first_month,
        {{ months_between('revenue.earned_from', 'revenue.earned_to') }} as further_months,
        {{ months_between('revenue.earned_from', 'run.as_of_date') }} as months_to_as_of
    from {{ ref('stg_revenue') }} as revenue
    cross join run
),

shares as (
    select
        *,
        -- whole cents, rounded down
        cast(floor(cast(cast(amount as decimal(20, 2)) * 100 as bigint) / (further_months + 1)) / 100 as decimal(20, 2))
            as share,
        {{ numbers_to('least(further_months, months_to_as_of)') }} as month_number
    from lines
    where months_to_as_of >= 0
),

spread as (
    select
        source,
        account_key,
        account_id,
        {{ add_months('first_month', 'month_number') }} as month,
        -- the last month takes what is left, so that the months add up to the line
        case when month_number = further_months then amount - share * further_months else share end as amount,
        lacks_rate
    from shares
),

with_revenue as (
    select
        source,
        account_key,
        account_id,
        month,
        sum(amount) as amount,
        count(case when lacks_rate then 1 end) as lines_without_rate
    from spread
    group by
        source,
        account_key,
        account_id,
        month
),

-- a customer who churns has no revenue to tell it by; a month that is not over may still bring some
customer_months as (
    select
        source,
        account_key,
        account_id,
        month,
        sum(amount) as amount,
        sum(lines_without_rate) as lines_without_rate
    from (
        select * from with_revenue

        union all

        select
            with_revenue.source,
            with_revenue.account_key,
            with_revenue.account_id,
            {{ add_months('with_revenue.month', 1) }} as month,
            0 as amount,
            0 as lines_without_rate
        from with_revenue
        cross join run
        where
            with_revenue.amount > 0
            and {{ add_months('with_revenue.month', 2) }} <= run.as_of_date
    ) as all_months
    group by
        source,
        account_key,
        account_id,
        month
),

compared as (
    select
        *,
        amount > 0 as is_active,
        coalesce(
            lag(amount > 0) over (partition by account_key order by month)
            and lag(month) over (partition by account_key order by month) = {{ add_months('month', -1) }},
            false
        ) as was_active_month_before
    from customer_months
)

select
    -- keys
    concat_ws('', compared.account_key, ':', cast(compared.month as string)) as customer_month_key,
    compared.account_key,
    compared.source,
    compared.account_id,
    compared.month,
    -- what it is
    accounts.segment,
    {{ add_months('compared.month', 1) }} <= run.as_of_date as is_complete_month,
    cast(case when compared.lines_without_rate = 0 then compared.amount end as decimal(18, 2)) as revenue_reporting,
    cast(compared.lines_without_rate as bigint) as lines_without_rate,
    compared.is_active,
    compared.was_active_month_before,
    compared.was_active_month_before
    and not compared.is_active
    and {{ add_months('compared.month', 1) }} <= run.as_of_date as is_churned
from compared
cross join run
left join {{ ref('stg_accounts') }} as accounts on compared.account_key = accounts.account_key
