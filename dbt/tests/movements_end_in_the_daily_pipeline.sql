-- What a month ends with is what stands open on its last day: by source, for the daily pipeline is that of the day.
with closings as (
    select
        month,
        source,
        sum(closing_deals) as deals,
        sum(closing_amount) as amount
    from {{ ref('mart_pipeline_movements') }}
    group by
        month,
        source
),

last_days as (
    select
        dates.month,
        max(dates.date_day) as date_day
    from {{ ref('dim_dates') }} as dates
    cross join {{ ref('stg_config__run') }} as run
    where dates.date_day <= run.as_of_date
    group by dates.month
),

daily as (
    select
        last_days.month,
        daily.source,
        sum(daily.open_deals) as deals,
        sum(daily.open_amount) as amount
    from {{ ref('mart_pipeline_daily') }} as daily
    inner join last_days on daily.date_day = last_days.date_day
    group by
        last_days.month,
        daily.source
)

select
    closings.month,
    closings.source
from closings
left join daily
    on closings.month = daily.month
    and closings.source = daily.source
where
    closings.deals != coalesce(daily.deals, 0)
    or closings.amount != coalesce(daily.amount, 0)
