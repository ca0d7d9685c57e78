-- A model of one's own, on the package's.
select
    owners.owner_name,
    deals_won,
    won_amount,
    win_rate
from {{ ref('dealtrail', 'mart_monthly_metrics') }} as monthly
inner join {{ ref('dealtrail', 'dim_owners') }} as owners on monthly.grain_value = owners.owner_key
where
    monthly.grain = 'owner'
    and monthly.month = date '2025-12-01'
