with stage_rows as (
    select * from {{ ref('stages_rows') }}
)

select
    source,
    stage_id,
    stage_name,
    pipeline as pipeline_name
from stage_rows
where row_state = 'current'
