-- won + lost = closed, in every row of the grains that a deal always has.
with closed as (
    select
        {{ month_of('closed_on') }} as month,
        'all' as grain_value,
        count(*) as deals
    from {{ ref('fct_deals') }}
    where closed_on is not null
    group by {{ month_of('closed_on') }}

    union all

    select
        {{ month_of('closed_on') }} as month,
        concat_ws('', source, ':', pipeline) as grain_value,
        count(*) as deals
    from {{ ref('fct_deals') }}
    where closed_on is not null
    group by
        {{ month_of('closed_on') }},
        concat_ws('', source, ':', pipeline)
)

select
    metrics.month,
    metrics.grain_value
from {{ ref('mart_monthly_metrics') }} as metrics
left join closed
    on metrics.month = closed.month
    and metrics.grain_value = closed.grain_value
where
    metrics.grain in ('all', 'pipeline')
    and metrics.deals_won + metrics.deals_lost != coalesce(closed.deals, 0)
