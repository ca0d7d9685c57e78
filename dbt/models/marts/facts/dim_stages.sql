select
    {{ stage_key('source', 'pipeline', 'stage') }} as stage_key,
    {{ pipeline_key('source', 'pipeline') }} as pipeline_key,
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
