-- Won, lost and open are everything that can become of a deal, at every horizon.
select deal_key
from {{ ref('int_deal_odds') }}
where
    abs(combined_won_this_month + combined_lost_this_month + combined_open_this_month - 1) > 1e-9
    or abs(
        combined_won_this_month + combined_won_next_month
        + combined_lost_this_month + combined_lost_next_month
        + combined_open_next_month - 1
    ) > 1e-9
    or abs(combined_won_this_quarter + combined_lost_this_quarter + combined_open_this_quarter - 1) > 1e-9
    or abs(combined_won_ever + combined_lost_ever + combined_open_ever - 1) > 1e-9
    or least(
        combined_won_this_month, combined_won_next_month, combined_won_this_quarter, combined_won_ever,
        combined_lost_this_month, combined_lost_next_month, combined_lost_this_quarter, combined_lost_ever,
        combined_open_this_month, combined_open_next_month, combined_open_this_quarter, combined_open_ever,
        slip_probability
    ) < -1e-9
    or combined_won_this_month > combined_won_this_quarter + 1e-9
    or combined_won_this_quarter > combined_won_ever + 1e-9
    or slip_probability > 1 + 1e-9
