with run as (
    select * from {{ ref('stg_config__run') }}
),

first_days as (
    select min(created_on) as first_day
    from (
        select min({{ day_in('created_at', 'run.timezone') }}) as created_on
        from {{ ref('int_deals') }}
        cross join run
        union all
        -- of a deal that says it is created in the future: when it was delivered
        select min({{ day_in('entered_pipeline_at', 'run.timezone') }}) as created_on
        from {{ ref('int_deals') }}
        cross join run
        union all
        select min(closed_on) as created_on
        from {{ ref('fct_deals') }}
        union all
        select min({{ day_in('created_at', 'run.timezone') }}) as created_on
        from {{ ref('int_leads') }}
        cross join run
    )
),

span as (
    select
        cast(date_trunc('month', least(first_days.first_day, run.as_of_date)) as date) as first_day,
        cast({{ add_months("date_trunc('month', run.as_of_date)", 1) }} as date) as end_day
    from first_days
    cross join run
),

offsets as (
    select
        first_day,
        {{ numbers_to(days_between('first_day', 'end_day') ~ ' - 1') }} as day_number
    from span
),

days as (
    select cast(first_day + cast(day_number as integer) as date) as date_day
    from offsets
)

select
    days.date_day,
    {{ month_of('days.date_day') }} as month,
    cast(extract(year from days.date_day) as integer) as year,
    cast(extract(quarter from days.date_day) as integer) as quarter,
    cast({{ day_of_week('days.date_day') }} as integer) as day_of_week,
    {{ day_of_week('days.date_day') }} >= 6 as is_weekend,
    {{ add_months("date_trunc('month', days.date_day)", 1) }} <= run.as_of_date as is_complete_month
from days
cross join run
