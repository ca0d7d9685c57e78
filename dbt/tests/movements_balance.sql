-- opening + created + reopened (+ increased - decreased, in amount) - won - lost - deleted + merged = closing,
-- in every row, and nothing is ever below zero
select
    month,
    source,
    pipeline
from {{ ref('mart_pipeline_movements') }}
where
    opening_deals + created_deals + reopened_deals - won_deals - lost_deals - deleted_deals + merged_deals
    != closing_deals
    or opening_amount + created_amount + reopened_amount + increased_amount - decreased_amount
    - won_amount - lost_amount - deleted_amount + merged_amount != closing_amount
    or least(opening_deals, closing_deals, increased_amount, decreased_amount) < 0
