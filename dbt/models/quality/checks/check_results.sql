select
    suite,
    expectation,
    table_name as table,
    severity,
    applies,
    not_applied_to,
    success,
    evaluated,
    unexpected
from {{ ref('stg_checks__results') }}
