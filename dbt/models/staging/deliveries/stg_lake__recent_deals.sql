select
    _source,
    _feed,
    _file_id,
    pipeline,
    stage
from {{ source('lake', 'recent_deals') }}
