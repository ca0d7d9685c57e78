select
    as_of,
    run_id,
    seen_on,
    rule,
    severity,
    entity,
    record_key,
    source,
    pipeline,
    owner_key,
    observed,
    allowed,
    message
from {{ source('lake', 'recorded_violations') }}

union all

select
    run.as_of,
    'tonight' as run_id,
    run.as_of_date as seen_on,
    found.rule,
    found.severity,
    found.entity,
    found.record_key,
    found.source,
    found.pipeline,
    found.owner_key,
    found.observed,
    found.allowed,
    found.message
from {{ ref('stg_config__run') }} as run
left join {{ source('checks', 'violations') }} as found on true
