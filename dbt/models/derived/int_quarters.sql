-- The fiscal quarters of every pipeline that has a deal, from that of its first month to the one that is running.
with run as (
    select * from {{ ref('stg_config__run') }}
),

quarters as (
    select
        months.source,
        months.pipeline,
        {{ fiscal_quarter_of('months.month', 'run.fiscal_year_starts') }} as quarter_start
    from {{ ref('int_pipeline_months') }} as months
    cross join run
    group by all
)

select
    quarters.source,
    quarters.pipeline,
    quarters.quarter_start,
    cast({{ add_months('quarters.quarter_start', 3) }} - interval 1 day as date) as quarter_end,
    {{ fiscal_year_of('quarters.quarter_start', 'run.fiscal_year_starts') }} as fiscal_year,
    {{ fiscal_quarter_number('quarters.quarter_start', 'run.fiscal_year_starts') }} as fiscal_quarter,
    {{ add_months('quarters.quarter_start', 3) }} <= run.as_of_date as is_complete_quarter
from quarters
cross join run
