{#- a date further ahead is taken for a typing error: it has no row #}
{%- set years_ahead = 10 %}
{%- set months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October',
    'November', 'December'] %}
{%- set weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] %}
with run as (
    select * from {{ ref('stg_config__run') }}
),

-- the first and the last of every column that holds dates or moments
moments as (
    select
        min(least(created_at, entered_pipeline_at)) as first_at,
        max(greatest(created_at, entered_pipeline_at, deleted_at)) as last_at
    from {{ ref('int_deals') }}
    union all
    select
        min(next_activity_at) as first_at,
        max(next_activity_at) as last_at
    from {{ ref('fct_deals') }}
    union all
    select
        min(least(created_at, converted_at)) as first_at,
        max(greatest(created_at, converted_at)) as last_at
    from {{ ref('int_leads') }}
    union all
    select
        min(least(due_at, completed_at)) as first_at,
        max(greatest(due_at, completed_at)) as last_at
    from {{ ref('fct_activities') }}
    union all
    select
        min(transitioned_at) as first_at,
        max(transitioned_at) as last_at
    from {{ ref('fct_stage_transitions') }}
),

days_met as (
    select
        min({{ day_in('moments.first_at', 'run.timezone') }}) as first_on,
        max({{ day_in('moments.last_at', 'run.timezone') }}) as last_on
    from moments
    cross join run
    union all
    select
        min(least(closed_on, expected_close_on)) as first_on,
        max(greatest(closed_on, expected_close_on)) as last_on
    from {{ ref('fct_deals') }}
    union all
    select
        min(spent_on) as first_on,
        max(spent_on) as last_on
    from {{ ref('fct_spend') }}
    union all
    select
        min(month) as first_on,
        max(month) as last_on
    from {{ ref('fct_customer_months') }}
    union all
    -- the month that is running, and those of the forecast
    select
        as_of_date as first_on,
        {{ add_months('as_of_date', forecast_horizon_months()) }} as last_on
    from run
),

met as (
    select
        min(first_on) as first_on,
        max(last_on) as last_on
    from days_met
),

-- whole fiscal quarters
span as (
    select
        {{ fiscal_quarter_of('greatest(met.first_on, run.history_starts_on)', 'run.fiscal_year_starts') }} as first_day,
        {{ add_months(
            fiscal_quarter_of(
                'least(met.last_on, ' ~ add_months('run.as_of_date', 12 * years_ahead) ~ ')', 'run.fiscal_year_starts'
            ),
            3
        ) }} as end_day
    from met
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
    {{ add_months("date_trunc('month', days.date_day)", 1) }} <= run.as_of_date as is_complete_month,
    -- names
    {{ named('extract(month from days.date_day)', months) }} as month_name,
    {{ named(day_of_week('days.date_day'), weekdays) }} as day_name,
    -- weeks begin on Monday
    cast(date_trunc('week', days.date_day) as date) as week,
    cast(extract(week from days.date_day) as integer) as iso_week,
    cast({{ iso_year_of('days.date_day') }} as integer) as iso_year,
    -- as the configuration counts the year
    {{ fiscal_year_of('days.date_day', 'run.fiscal_year_starts') }} as fiscal_year,
    {{ fiscal_quarter_number('days.date_day', 'run.fiscal_year_starts') }} as fiscal_quarter,
    {{ fiscal_quarter_of('days.date_day', 'run.fiscal_year_starts') }} as quarter_start,
    cast(
        {{ add_months(fiscal_quarter_of('days.date_day', 'run.fiscal_year_starts'), 3) }} - interval 1 day as date
    ) as quarter_end
from days
cross join run
