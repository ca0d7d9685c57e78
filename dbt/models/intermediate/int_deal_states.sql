-- Every deal of a delivered row: the stage its row says it is in, win and loss as a status included.
with standing as (
    {{ where_rows_stand(ref('stg_deals')) }}
),

first_closed as (
    -- when a delivery first showed the deal closed, for closed deals without a close date
    select
        deal_key,
        min(extracted_at) as first_closed_delivered_at
    from {{ ref('int_deal_extracts') }}
    where outcome != 'open'
    group by deal_key
)

select
    standing.deal_key,
    standing.source,
    standing.deal_id,
    standing.owner_id,
    standing.account_id,
    standing.deal_name,
    standing.lead_source,
    standing.amount,
    standing.currency,
    standing.lost_reason,
    standing.created_at,
    standing.expected_close_on,
    standing.feed,
    standing.extracted_at,
    standing.first_delivered_at,
    standing.last_delivered_at,
    coalesce(
        first_closed.first_closed_delivered_at,
        case when standing.outcome != 'open' then standing.extracted_at end
    ) as first_closed_delivered_at,
    standing.is_flagged_deleted,
    standing.is_gone,
    standing.pipeline_name,
    standing.pipeline,
    standing.outcome,
    standing.named_stage,
    standing.stage,
    -- the CRM's own moment and day of closing, only of a deal it shows closed
    case
        when standing.outcome = 'won' then coalesce(standing.won_at, standing.closed_at)
        when standing.outcome = 'lost' then coalesce(standing.lost_at, standing.closed_at)
    end as given_closed_at,
    case when standing.outcome in ('won', 'lost') then standing.close_on end as given_close_on
from standing
left join first_closed on standing.deal_key = first_closed.deal_key
