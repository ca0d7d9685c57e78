with deals as (
    select * from {{ ref('fct_deals') }}
),

run as (
    select * from {{ source('config', 'run') }}
),

stages as (
    select * from {{ ref('int_stages') }}
)

select
    deals.deal_key as record_key,
    deals.source,
    deals.pipeline,
    deals.owner_key,
    deals.deal_name,
    deals.status,
    deals.stage,
    deals.amount,
    deals.currency,
    deals.amount_reporting,
    deals.created_at_is_estimated,
    {{ day_in('deals.created_at', 'run.timezone') }} as created_on,
    deals.closed_on,
    deals.expected_close_on,
    run.as_of_date,
    {{ days_between(day_in('deals.last_touch_at', 'run.timezone'), 'run.as_of_date') }} as days_since_touch,
    stages.stale_after_days,
    coalesce(stages.requires_amount, false) as stage_requires_amount,
    coalesce(stages.is_configured, false)
    or stages.is_won
    or stages.is_lost
    or deals.stage is null as stage_is_configured,
    run.currency as reporting_currency,
    run.max_rate_age_days
from deals
cross join run
left join stages
    on deals.source = stages.source
    and deals.pipeline = stages.pipeline
    and deals.stage = stages.stage
-- a deleted deal is listed as such and looked at by no other rule
where deals.status != 'deleted'
