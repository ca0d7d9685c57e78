-- entered = advanced + regressed + lost + open, in every row
select
    month,
    source,
    pipeline,
    stage
from {{ ref('mart_stage_metrics') }}
where entered != advanced + regressed + lost + open
