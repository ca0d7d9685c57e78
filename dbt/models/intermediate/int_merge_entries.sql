-- Deals that no delivery knew before one told that others were merged into them: they come into the open pipeline on
-- the day of the merge, so that the past stays as it stood.
with merged as (
    select * from {{ ref('int_merges') }}
    where entity = 'deals'
),

first_deliveries as (
    select
        deal_key,
        first_delivered_at
    from {{ ref('int_deal_states') }}

    union all

    select
        deal_key,
        first_delivered_at
    from {{ ref('int_deals_without_rows') }}
),

-- of deals that are known themselves: what was merged before anything was delivered stood in no past
swallowed as (
    select
        merged.direct_survivor_key as deal_key,
        merged.told_at,
        survivors.first_delivered_at
    from merged
    inner join {{ ref('int_deal_deletions') }} as deletions on merged.merged_key = deletions.deal_key
    inner join first_deliveries as survivors on merged.direct_survivor_key = survivors.deal_key
)

select
    deal_key,
    min(told_at) as merged_in_at
from swallowed
group by deal_key
-- one that an earlier delivery knew stands where it stood, whatever had become of the others by then
having min(first_delivered_at) >= min(told_at)
