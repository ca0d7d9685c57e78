-- won + lost + still open = 1 at every age
select
    source,
    pipeline,
    cohort,
    age_days
from {{ ref('mart_win_probability') }}
where abs(won_probability + lost_probability + open_probability - 1) > 1e-12
