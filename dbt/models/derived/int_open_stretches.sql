-- The days over which each deal stood open in one stage with one amount, by days' ends: from from_on to the day before
-- until_on (NULL: to this day). From the day of its creation to that of its closing transition, or of its deletion.
with run as (
    select * from {{ ref('stg_config__run') }}
),

deals as (
    {{ deals_by_the_day() }}
),

entries as (
    -- open from its creation, in no known stage until its history names one
    select
        deal_key,
        created_on as from_on,
        0 as transition_number,
        pipeline,
        cast(null as string) as stage,
        cast(null as string) as canonical_stage,
        'open' as outcome,
        cast(null as date) as entered_on,
        cast(null as string) as evidence
    from deals

    union all

    select
        transitions.deal_key,
        greatest({{ day_in('transitions.entered_at', 'run.timezone') }}, deals.created_on) as from_on,
        transitions.transition_number,
        transitions.pipeline,
        transitions.stage,
        transitions.canonical_stage,
        transitions.outcome,
        {{ day_in('transitions.entered_at', 'run.timezone') }} as entered_on,
        transitions.evidence
    from {{ ref('int_stage_transitions') }} as transitions
    inner join deals on transitions.deal_key = deals.deal_key
    cross join run
    where transitions.is_counted
),

-- the last entry of a day is where it stood at its end
numbered as (
    select
        *,
        lead(from_on) over (partition by deal_key order by transition_number) as next_from_on
    from entries
),

day_ends as (
    select
        *,
        lead(from_on) over (partition by deal_key order by from_on) as until_on
    from numbered
    where
        next_from_on is null
        or next_from_on > from_on
),

open_days as (
    select
        day_ends.deal_key,
        deals.source,
        day_ends.pipeline,
        day_ends.stage,
        day_ends.canonical_stage,
        day_ends.entered_on,
        day_ends.evidence,
        day_ends.from_on,
        coalesce(least(day_ends.until_on, deals.deleted_on), {{ for_ever() }}) as until_on,
        deals.amount as last_amount,
        deals.reporting_rate
    from day_ends
    inner join deals on day_ends.deal_key = deals.deal_key
    where
        day_ends.outcome = 'open'
        and (deals.deleted_on is null or day_ends.from_on < deals.deleted_on)
),

amounts as (
    select * from {{ ref('int_amount_stretches') }}
)

select
    open_days.deal_key,
    open_days.source,
    open_days.pipeline,
    open_days.stage,
    open_days.canonical_stage,
    open_days.entered_on,
    open_days.evidence,
    greatest(open_days.from_on, coalesce(amounts.from_on, open_days.from_on)) as from_on,
    nullif(least(open_days.until_on, coalesce(amounts.until_on, open_days.until_on)), {{ for_ever() }}) as until_on,
    {{ amount_reporting_in('amounts', 'open_days.last_amount', 'open_days.reporting_rate') }} as amount_reporting
from open_days
left join amounts
    on open_days.deal_key = amounts.deal_key
    and open_days.until_on > amounts.from_on
    and open_days.from_on < amounts.until_on
