-- The months of every pipeline that has a deal: those of the monthly metrics, and before them any in which a deal that
-- was deleted later came into the pipeline.
with first_month as (
    select min(month) as month
    from (
        select min(month) as month
        from {{ ref('mart_monthly_metrics') }}
        where grain = 'all'
        union all
        select cast(date_trunc('month', min(opened_on)) as date) as month
        from {{ ref('int_open_spells') }}
    ) as first_months
),

months as (
    select
        dates.month,
        min(dates.is_complete_month) as is_complete_month
    from {{ ref('dim_dates') }} as dates
    cross join first_month
    cross join {{ ref('stg_config__run') }} as run
    where
        dates.month >= first_month.month
        and dates.month <= run.as_of_date
    group by dates.month
),

pipelines as (
    select distinct
        source,
        pipeline
    from {{ ref('fct_deals') }}
)

select
    pipelines.source,
    pipelines.pipeline,
    months.month,
    months.is_complete_month
from pipelines
cross join months
