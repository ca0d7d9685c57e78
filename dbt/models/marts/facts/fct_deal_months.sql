with deals as (
    select
        deal_key,
        source,
        {{ month_of('created_on') }} as created_month,
        {{ month_of('closed_on') }} as closed_month
    from {{ ref('fct_deals') }}
    where status != 'deleted'
),

months as (
    select dates.month
    from {{ ref('dim_dates') }} as dates
    cross join {{ ref('stg_config__run') }} as run
    where
        dates.date_day = dates.month
        and dates.month <= run.as_of_date
)

select
    deals.deal_key,
    deals.source,
    months.month
from deals
inner join months
    on deals.created_month <= months.month
    and coalesce(deals.closed_month, months.month) >= months.month
