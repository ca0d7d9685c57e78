with deals as (
    select * from {{ ref('int_deals') }}
),

outcomes as (
    select * from {{ ref('int_deal_outcomes') }}
),

run as (
    select * from {{ ref('stg_config__run') }}
),

deal_activities as (
    {{ activities_of('deals', 'deal_key') }}
),

activities as (
    select
        activities.deal_key,
        max(case when activities.completed_at <= run.as_of then activities.completed_at end) as last_activity_at,
        min(
            case
                when not activities.is_done and {{ day_in('activities.due_at', 'run.timezone') }} >= run.as_of_date
                    then activities.due_at
            end
        ) as next_activity_at
    from deal_activities as activities
    cross join run
    group by activities.deal_key
),

-- under `keep_first` a closed deal is shown as it was at its first close: with the last value known by then, or what
-- the first change after it replaced
words as (
    select
        changes.deal_key,
        changes.field,
        changes.old_value,
        changes.new_value,
        changes.changed_at <= outcomes.closed_at as is_by_then,
        row_number() over (
            partition by changes.deal_key, changes.field, changes.changed_at <= outcomes.closed_at
            order by changes.word_number desc
        ) as place_from_last,
        row_number() over (partition by changes.deal_key, changes.field order by changes.word_number) as place
    from {{ ref('int_deal_field_changes') }} as changes
    inner join outcomes
        on changes.deal_key = outcomes.deal_key
        and outcomes.first_close_stands
),

at_close as (
    select
        deal_key,
        field,
        case when is_by_then then new_value else old_value end as value
    from words
    where
        (is_by_then and place_from_last = 1)
        or (not is_by_then and place = 1)
),

-- a closed deal is told in what it closed in; a row says its amount and its currency together
currency_words as (
    select
        changes.deal_key,
        changes.old_value,
        changes.new_value,
        changes.changed_at <= outcomes.closed_at or changes.evidence = 'observed' as is_by_then,
        row_number() over (
            partition by
                changes.deal_key,
                changes.changed_at <= outcomes.closed_at or changes.evidence = 'observed'
            order by changes.word_number desc
        ) as place_from_last,
        row_number() over (partition by changes.deal_key order by changes.word_number) as place
    from {{ ref('int_deal_field_changes') }} as changes
    inner join outcomes
        on changes.deal_key = outcomes.deal_key
        and outcomes.outcome in ('won', 'lost')
    where changes.field = 'currency'
),

closed_in as (
    select
        deal_key,
        case when is_by_then then new_value else old_value end as currency
    from currency_words
    where
        (is_by_then and place_from_last = 1)
        or (not is_by_then and place = 1)
),

settled as (
    select
        deals.* {{ except_columns(['currency']) }},
        coalesce(closed_in.currency, deals.currency) as currency,
        coalesce(outcomes.pipeline, deals.row_pipeline, 'default') as pipeline,
        outcomes.stage,
        outcomes.canonical_stage,
        coalesce(outcomes.outcome, deals.row_outcome, 'open') as outcome,
        outcomes.last_stage_change_at,
        outcomes.closed_at as closing_transition_at,
        outcomes.closes,
        outcomes.qualified_at,
        outcomes.is_qualified,
        coalesce(outcomes.is_only_inferred, true) as is_only_inferred,
        coalesce(outcomes.first_close_stands, false) as first_close_stands,
        outcomes.standing_close_evidence,
        outcomes.standing_lost_reason
    from deals
    left join outcomes on deals.deal_key = outcomes.deal_key
    left join closed_in on deals.deal_key = closed_in.deal_key
),

closed as (
    select
        settled.*,
        case when settled.outcome in ('won', 'lost') then settled.closing_transition_at end as closed_at,
        case
            when settled.outcome not in ('won', 'lost') then null
            -- the CRM's own day, while it still shows this outcome
            when settled.row_outcome = settled.outcome and (not settled.first_close_stands or settled.closes = 1)
                then coalesce(
                    {{ day_in('settled.given_closed_at', 'run.timezone') }},
                    settled.given_close_on,
                    {{ day_in('settled.closing_transition_at', 'run.timezone') }}
                )
            else {{ day_in('settled.closing_transition_at', 'run.timezone') }}
        end as closed_on,
        {{ day_in('settled.created_at', 'run.timezone') }} as created_on,
        case
            when amounts.deal_key is not null then cast(amounts.value as decimal(18, 2))
            else settled.amount
        end as final_amount,
        case
            when owners.deal_key is not null then owners.value
            when settled.owner_id is not null then concat_ws('', settled.source, ':', settled.owner_id)
        end as owner_key
    from settled
    cross join run
    left join at_close as amounts
        on settled.deal_key = amounts.deal_key
        and amounts.field = 'amount'
    left join at_close as owners
        on settled.deal_key = owners.deal_key
        and owners.field = 'owner'
),

-- one rate for all of a deal's history: that of its close, else of the as-of day
dated as (
    select
        closed.*,
        least(coalesce(closed.closed_on, run.as_of_date), run.as_of_date) as rate_wanted_on
    from closed
    cross join run
),

priced as (
    select
        closed.*,
        case
            when closed.currency = run.currency then 1
            when {{ rate_holds('rates', 'closed.rate_wanted_on') }}
                then {{ exact_rate('rates.rate') }}
        end as rate,
        run.as_of,
        run.timezone as reporting_timezone
    from dated as closed
    cross join run
    left join {{ ref('stg_exchange_rates') }} as rates
        on closed.currency = rates.currency
        and closed.rate_wanted_on >= rates.rate_on
        and (rates.next_rate_on is null or closed.rate_wanted_on < rates.next_rate_on)
),

leads as (
    select
        lead_key,
        lead_source,
        created_at,
        created_at_is_estimated
    from {{ ref('fct_leads') }}
),

bookkeeping as (
    {{ changes_by_a_close(ref('int_deal_field_changes')) }}
),

pushes as (
    -- how often the expected close date was moved to a later day, but for the one that a close writes itself
    select
        changes.deal_key,
        count(*) as close_date_pushes
    from {{ ref('int_deal_field_changes') }} as changes
    left join bookkeeping
        on changes.deal_key = bookkeeping.deal_key
        and changes.changed_at = bookkeeping.changed_at
    where
        changes.field = 'expected_close_on'
        -- ISO dates as text: a cast might meet the values of other fields before they are filtered
        and changes.new_value > changes.old_value
        and bookkeeping.deal_key is null
    group by changes.deal_key
),

first_contacts as (
    select
        priced.*,
        case when priced.account_id is not null then concat_ws('', priced.source, ':', priced.account_id) end
            as account_key,
        case when priced.is_deleted then 'deleted' else priced.outcome end as status,
        coalesce(priced.lead_source, leads.lead_source) as any_lead_source,
        -- a lead whose date is estimated gives none: the deal's own counts then
        case
            when leads.created_at is not null and not leads.created_at_is_estimated
                then {{ day_in('leads.created_at', 'priced.reporting_timezone') }}
            when not priced.created_at_is_estimated then priced.created_on
        end as first_contact_on
    from priced
    left join leads on priced.lead_key = leads.lead_key
)

select
    -- keys
    deals.deal_key,
    deals.source,
    deals.deal_id,
    deals.owner_key,
    deals.account_key,
    deals.lead_key,
    -- what it is
    deals.deal_name,
    deals.any_lead_source as lead_source,
    accounts.segment,
    cast(deals.final_amount as decimal(18, 2)) as amount,
    nullif(deals.currency, {{ unreadable_currency() }}) as currency,
    cast(deals.rate as decimal(20, 10)) as reporting_rate,
    {{ at_rate('cast(deals.final_amount as decimal(18, 2))', 'deals.rate') }} as amount_reporting,
    deals.merged_into_key as merged_into_deal_key,
    deals.fields,
    -- where it stands
    deals.pipeline,
    deals.stage,
    {{ pipeline_key('deals.source', 'deals.pipeline') }} as pipeline_key,
    {{ stage_key('deals.source', 'deals.pipeline', 'deals.stage') }} as stage_key,
    deals.canonical_stage,
    deals.status,
    case when not deals.is_only_inferred then deals.is_qualified end as is_qualified,
    case
        when deals.outcome != 'lost' then null
        when not deals.first_close_stands then deals.lost_reason
        -- the row may show a later loss, or none any more
        when deals.closes > 1 or deals.standing_close_evidence = 'observed' then deals.standing_lost_reason
        else coalesce(deals.standing_lost_reason, deals.lost_reason)
    end as lost_reason,
    deals.status = 'won'
    and deals.account_key is not null
    and row_number() over (
        partition by deals.account_key, deals.status
        order by deals.closed_on, deals.closed_at, deals.deal_id
    ) = 1 as is_first_win,
    -- when
    deals.created_at,
    deals.created_on,
    deals.created_at_is_estimated,
    case when not deals.is_only_inferred then deals.qualified_at end as qualified_at,
    deals.expected_close_on,
    deals.deleted_at,
    case when not deals.is_deleted then deals.closed_at end as closed_at,
    case when not deals.is_deleted then deals.closed_on end as closed_on,
    cast(
        case
            when
                deals.outcome = 'won'
                and not deals.is_deleted
                and {{ days_between('deals.first_contact_on', 'deals.closed_on') }} >= 0
                then {{ days_between('deals.first_contact_on', 'deals.closed_on') }}
        end as double
    ) as sales_cycle_days,
    deals.last_stage_change_at,
    activities.last_activity_at,
    greatest(
        case when deals.created_at <= deals.as_of then deals.created_at end,
        deals.last_stage_change_at,
        activities.last_activity_at
    ) as last_touch_at,
    activities.next_activity_at,
    cast(coalesce(pushes.close_date_pushes, 0) as integer) as close_date_pushes
from first_contacts as deals
left join activities on deals.deal_key = activities.deal_key
left join pushes on deals.deal_key = pushes.deal_key
left join {{ ref('stg_accounts') }} as accounts on deals.account_key = accounts.account_key
