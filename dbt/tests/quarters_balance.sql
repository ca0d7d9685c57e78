-- What came and what left is the difference of what stood at the ends of the quarter, each counted by itself; and the
-- quarter's target is what was won and the gap, where there is one.
select
    cast(quarter_start as string) as quarter_start,
    concat_ws(':', source, pipeline) as whose
from {{ ref('mart_quarter_movements') }}
where
    opening_deals + created_deals + reopened_deals + pulled_in_deals
    - pushed_out_deals - won_deals - lost_deals - deleted_deals + merged_deals != closing_deals
    or opening_amount + created_amount + reopened_amount + pulled_in_amount + increased_amount - decreased_amount
    - pushed_out_amount - won_amount - lost_amount - deleted_amount + merged_amount != closing_amount

union all

select
    cast(quarter_start as string) as quarter_start,
    concat_ws(':', grain, grain_value) as whose
from {{ ref('mart_quarter_outlook') }}
where
    gap < 0
    or (gap > 0 and target != won_amount + gap)
    or outlook_amount not between outlook_low and outlook_high
