select
    source,
    pipeline,
    stage,
    stage_order,
    canonical_stage,
    canonical_order,
    is_qualified,
    is_won,
    is_lost,
    is_mandatory,
    win_probability,
    is_configured
from {{ ref('int_stages') }}
