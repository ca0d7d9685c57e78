-- Every deal of a delivered row: the stage its row says it is in, win and loss as a status included.
with deals as (
    select * from {{ ref('stg_deals') }}
),

names as (
    select * from {{ ref('int_stage_names') }}
),

first_closed as (
    -- when a delivery first showed the deal closed, for closed deals without a close date
    select
        concat(deal_rows.source, ':', deal_rows.deal_id) as deal_key,
        min(deal_rows.extracted_at) as first_closed_delivered_at
    from {{ ref('deals_rows') }} as deal_rows
    left join names
        on deal_rows.source = names.source
        and coalesce(deal_rows.pipeline, '') = names.pipeline_name
        and deal_rows.stage = names.stage_name
    where
        deal_rows.row_state != 'quarantined'
        and (
            lower(deal_rows.status) in ('won', 'lost')
            or deal_rows.is_closed
            or deal_rows.is_won
            or names.outcome != 'open'
        )
    group by
        deal_rows.source,
        deal_rows.deal_id
),

with_outcome as (
    select
        deals.*,
        coalesce(names.pipeline, {{ pipeline_as_configured('deals.pipeline_name', 'pipelines.pipeline') }}) as pipeline,
        names.stage,
        coalesce(
            case when deals.status_given in ('won', 'lost') then deals.status_given end,
            names.outcome,
            'open'
        ) as outcome,
        names.outcome as stage_outcome,
        first_closed.first_closed_delivered_at
    from deals
    left join names
        on deals.source = names.source
        and coalesce(deals.pipeline_name, '') = names.pipeline_name
        and deals.stage_name = names.stage_name
    left join {{ source('config', 'pipelines') }} as pipelines
        on deals.source = pipelines.source
        and {{ normalized("coalesce(deals.pipeline_name, 'default')") }} = pipelines.pipeline_key
    left join first_closed on deals.deal_key = first_closed.deal_key
)

select
    with_outcome.deal_key,
    with_outcome.source,
    with_outcome.deal_id,
    with_outcome.owner_id,
    with_outcome.account_id,
    with_outcome.deal_name,
    with_outcome.lead_source,
    with_outcome.amount,
    with_outcome.currency,
    with_outcome.lost_reason,
    with_outcome.created_at,
    with_outcome.expected_close_on,
    with_outcome.extracted_at,
    with_outcome.first_delivered_at,
    with_outcome.first_closed_delivered_at,
    with_outcome.is_deleted,
    with_outcome.pipeline_name,
    with_outcome.pipeline,
    with_outcome.outcome,
    with_outcome.stage as named_stage,
    case
        when
            with_outcome.outcome in ('won', 'lost')
            and coalesce(with_outcome.stage_outcome, '') != with_outcome.outcome
            then coalesce(terminal.stage, case with_outcome.outcome when 'won' then 'Won' else 'Lost' end)
        else with_outcome.stage
    end as stage,
    -- the CRM's own moment and day of closing, only of a deal it shows closed
    case
        when with_outcome.outcome = 'won' then coalesce(with_outcome.won_at, with_outcome.closed_at)
        when with_outcome.outcome = 'lost' then coalesce(with_outcome.lost_at, with_outcome.closed_at)
    end as given_closed_at,
    case when with_outcome.outcome in ('won', 'lost') then with_outcome.close_on end as given_close_on
from with_outcome
left join {{ ref('int_terminal_stages') }} as terminal
    on with_outcome.source = terminal.source
    and {{ normalized('with_outcome.pipeline') }} = terminal.pipeline_key
    and with_outcome.outcome = terminal.outcome
