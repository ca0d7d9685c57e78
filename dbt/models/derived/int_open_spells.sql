-- The unbroken stays of each deal in the open pipeline, by the day: from the day it is created or reopened to the day
-- it is won, lost, deleted or merged into another one. The clock and the amounts are those of int_open_stretches, which
-- knows days' ends only: a stay that ends on the day it began is none there, and is one here.
with run as (
    select * from {{ ref('stg_config__run') }}
),

deals as (
    {{ deals_by_the_day() }}
),

entries as (
    select
        deal_key,
        0 as entry_number,
        created_at as entered_at,
        created_on as entered_on,
        'open' as outcome,
        cast(null as string) as from_pipeline,
        cast(null as string) as from_stage
    from deals

    union all

    -- at one moment with the deletion: what is known of its life came first
    select
        transitions.deal_key,
        transitions.transition_number as entry_number,
        transitions.entered_at,
        greatest({{ day_in('transitions.entered_at', 'run.timezone') }}, deals.created_on) as entered_on,
        transitions.outcome,
        transitions.from_pipeline,
        transitions.from_stage
    from {{ ref('int_stage_transitions') }} as transitions
    inner join deals on transitions.deal_key = deals.deal_key
    cross join run
    where
        transitions.is_counted
        and (deals.deleted_at is null or transitions.entered_at <= deals.deleted_at)

    union all

    -- after all of them
    select
        deal_key,
        2147483647 as entry_number,
        deleted_at as entered_at,
        greatest(deleted_on, created_on) as entered_on,
        case when is_merged_out then 'merged' else 'deleted' end as outcome,
        cast(null as string) as from_pipeline,
        cast(null as string) as from_stage
    from deals
    where deleted_at is not null
),

followed as (
    select
        *,
        lag(outcome) over (partition by deal_key order by entry_number) as previous_outcome
    from entries
),

-- in and out by turns: from one stage to the next, or from one end to another, nothing moves
turns as (
    select
        deal_key,
        entry_number,
        outcome,
        entered_at as opened_at,
        entered_on as opened_on,
        lead(entered_at) over in_order as closed_at,
        lead(entered_on) over in_order as closed_on,
        lead(outcome) over in_order as closing_outcome,
        lead(from_pipeline) over in_order as closing_pipeline,
        lead(from_stage) over in_order as closing_stage
    from followed
    where
        previous_outcome is null
        or (outcome = 'open') != (previous_outcome = 'open')
    window in_order as (partition by deal_key order by entry_number)
),

spells as (
    select
        *,
        row_number() over (partition by deal_key order by entry_number) as spell_number
    from turns
    where outcome = 'open'
),

amounts as (
    select * from {{ ref('int_amount_stretches') }}
)

select
    spells.deal_key,
    spells.spell_number,
    deals.source,
    deals.pipeline,
    spells.spell_number = 1 and deals.is_merged_in as is_merged_in,
    spells.opened_at,
    spells.opened_on,
    spells.closed_at,
    spells.closed_on,
    spells.closing_outcome as outcome,
    spells.closing_pipeline,
    spells.closing_stage,
    {{ amount_reporting_in('at_opening', 'deals.amount', 'deals.reporting_rate') }} as opening_amount,
    case
        when spells.closed_on is not null
            then {{ amount_reporting_in('at_closing', 'deals.amount', 'deals.reporting_rate') }}
    end as closing_amount
from spells
inner join deals on spells.deal_key = deals.deal_key
left join amounts as at_opening
    on spells.deal_key = at_opening.deal_key
    and spells.opened_on >= at_opening.from_on
    and spells.opened_on < at_opening.until_on
left join amounts as at_closing
    on spells.deal_key = at_closing.deal_key
    and spells.closed_on >= at_closing.from_on
    and spells.closed_on < at_closing.until_on
