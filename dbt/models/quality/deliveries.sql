select
    source,
    feed,
    entity,
    file,
    sha256,
    extracted_at,
    extract_time_from,
    rows_in_file,
    rows_rejected,
    rows_loaded,
    rows_forgotten,
    state,
    message,
    unmapped_headings,
    outranked_headings
from {{ ref('stg_lake__files') }}
