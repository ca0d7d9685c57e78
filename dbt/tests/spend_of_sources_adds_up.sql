-- Every row of spend has a source: the sources' sums are that of `all`, where all of them have their rates
with sums as (
    select
        month,
        sum(case when grain = 'all' then spend end) as spend_of_all,
        sum(case when grain = 'source' then spend end) as spend_of_sources,
        sum(spend_rows_without_rate) as rows_without_rate
    from {{ ref('mart_monthly_metrics') }}
    group by month
)

select
    month,
    spend_of_all,
    spend_of_sources
from sums
where
    rows_without_rate = 0
    and spend_of_all != spend_of_sources
