-- Why a record is counted otherwise than in the last publication: one cause a record, and where its rows and the
-- configuration both changed, one for each. docs/restatements.md says them.
with pairs as (
    select * from {{ ref('int_restated_pairs') }}
),

told as (
    select
        entity,
        record_key,
        max(case when is_seen then 1 else 0 end) = 1 as has_seen_rows,
        max(case when is_seen then 0 else 1 end) = 1 as has_unseen_rows,
        max(case when is_content_seen then 0 else 1 end) = 1 as has_new_rows
    from {{ ref('int_restated_rows') }}
    group by
        entity,
        record_key
),

shown as (
    select
        entity,
        record_key,
        source,
        feed,
        file_id,
        file_position,
        file
    from {{ ref('int_restated_rows') }}
    where place = 1
),

numbers as (
    {{ row_numbers_of('shown') }}
),

-- when an open deal came to its owner and its pipeline
moves as (
    select
        changes.deal_key,
        max(case when changes.field = 'owner' then changes.changed_at end) as owner_changed_at,
        max(case when changes.field = 'pipeline' then changes.changed_at end) as pipeline_changed_at
    from {{ ref('fct_deal_changes') }} as changes
    inner join pairs
        on pairs.entity = 'deals'
        and changes.deal_key = pairs.record_key
    where changes.field in ('owner', 'pipeline')
    group by changes.deal_key
),

joined as (
    select
        pairs.*,
        coalesce(told.has_seen_rows, false) as has_seen_rows,
        coalesce(told.has_unseen_rows, false) as has_unseen_rows,
        -- spend has no ids; what it says is all there is
        coalesce(told.has_new_rows, pairs.entity = 'spend') as has_new_rows,
        coalesce(moves.owner_changed_at >= pairs.published_as_of, false) as is_owner_new,
        coalesce(moves.pipeline_changed_at >= pairs.published_as_of, false) as is_pipeline_new,
        leads.first_response_at,
        leads.converted_at,
        shown.file,
        numbers.row_number
    from pairs
    left join told
        on pairs.entity = told.entity
        and pairs.record_key = told.record_key
    left join moves
        on pairs.entity = 'deals'
        and pairs.record_key = moves.deal_key
    left join {{ ref('fct_leads') }} as leads
        on pairs.entity = 'leads'
        and pairs.record_key = leads.lead_key
    left join shown
        on pairs.entity = shown.entity
        and pairs.record_key = shown.record_key
    left join numbers
        on shown.source = numbers.source
        and shown.feed = numbers.feed
        and shown.file_id = numbers.file_id
        and shown.file_position = numbers.file_position
),

judged as (
    select
        *,
        case
            when is_configured_anew then 'configuration'
            when is_built_anew then 'software'
        end as cause_of_rules,
        -- beside the rate, everything a deal won is counted by stayed
        entity in ('deals', 'spend')
        and not {{ same('amount_reporting') }}
        and {{ same('amount') }}
        and {{ same('currency') }}
        and {{ same('status') }}
        and {{ same('created_month') }}
        and {{ same('closed_on') }}
        and {{ same('pipeline_value') }}
        and {{ same('owner_key') }}
        and {{ same('segment') }}
        and {{ same('lead_source') }}
        and {{ same('grain_fields') }}
        and {{ same('is_qualified') }}
        and {{ same('is_first_win') }}
        and {{ same('sales_cycle_days') }} as is_rate_alone,
        status_before = 'open' and status_now in ('won', 'lost') as is_closed_since,
        not {{ same('is_first_win') }}
        and {{ same('status') }}
        and {{ same('closed_on') }}
        and {{ same('created_month') }}
        and {{ same('pipeline_value') }}
        and {{ same('owner_key') }}
        and {{ same('segment') }}
        and {{ same('lead_source') }}
        and {{ same('grain_fields') }}
        and {{ same('amount_reporting') }} as is_first_win_alone
    from joined
),

explained as (
    select
        *,
        case
            -- the same rows under another configuration
            when is_configuration_alone then 'configuration'
            -- counted now, and not before; of one that was gone the row need not say anything new but that it is back
            when not was_counted and was_deleted and has_unseen_rows then 'rewritten'
            when not was_counted and was_deleted then coalesce(cause_of_rules, 'rewritten')
            when not was_counted and has_seen_rows and not has_new_rows then coalesce(cause_of_rules, 'late')
            when not was_counted then 'late'
            -- counted before, and not now
            when not is_counted and is_merged then 'merged'
            when not is_counted and is_deleted then 'deleted'
            when not is_counted and entity = 'deals' and has_seen_rows and not has_new_rows
                then coalesce(cause_of_rules, 'deleted')
            when not is_counted then 'deleted'
            -- the same money at another rate
            when is_rate_alone and has_other_currency then 'configuration'
            when is_rate_alone then 'rate'
            when entity = 'spend' then 'rewritten'
            when entity = 'deals' and not {{ same('created_month') }}
                then case when has_new_rows then 'rewritten' else coalesce(cause_of_rules, 'rewritten') end
            -- what came to pass since is no change of the past
            when is_closed_since and closed_on_now >= published_on and has_new_rows then 'time'
            when entity = 'deals' and has_new_rows and status_before = 'open' and status_now = 'open'
                and ({{ same('owner_key') }} or is_owner_new)
                and ({{ same('pipeline_value') }} or is_pipeline_new)
                and {{ same('segment') }}
                and {{ same('lead_source') }}
                and {{ same('grain_fields') }}
                then 'time'
            when entity = 'deals' and has_new_rows and not is_first_win_alone then 'rewritten'
            when entity = 'deals' and is_closed_since then coalesce(cause_of_rules, 'time')
            when entity = 'deals' then coalesce(cause_of_rules, 'rewritten')
            when
                not {{ same('created_month') }}
                or not {{ same('owner_key') }}
                or not {{ same('lead_source') }}
                then case when has_new_rows then 'rewritten' else coalesce(cause_of_rules, 'rewritten') end
            -- leads: converted, or answered
            when not {{ same('is_converted') }} and converted_at < published_as_of
                then case when has_new_rows then 'rewritten' else coalesce(cause_of_rules, 'rewritten') end
            when not {{ same('is_converted') }} then 'time'
            when not {{ same('response_hours') }} and first_response_at >= published_as_of
                then 'time'
            -- an activity of then, delivered since
            when response_hours_before is null and response_hours_now is not null then coalesce(cause_of_rules, 'late')
            when not {{ same('response_hours') }} then coalesce(cause_of_rules, 'rewritten')
            -- its time to be answered ran out
            when {{ same('is_answered_within_sla') }} and is_unanswered_now
                then coalesce(cause_of_rules, 'time')
            else coalesce(cause_of_rules, 'time')
        end as own_cause,
        coalesce(account_key_now, account_key_before) as account_key
    from judged
),

-- a customer's first win is one deal's alone: it goes to another for what happened to that one
displaced as (
    select
        loser.record_key,
        min(other.own_cause) as cause
    from explained as loser
    inner join explained as other
        on other.entity = 'deals'
        and loser.account_key = other.account_key
        and loser.record_key != other.record_key
        and loser.is_first_win_before is distinct from loser.is_first_win_now
        and coalesce(other.is_first_win_before, false) != coalesce(other.is_first_win_now, false)
        and not other.is_first_win_alone
    where
        loser.entity = 'deals'
        and loser.is_first_win_alone
        and loser.is_counted
        and loser.was_counted
        and not loser.is_configuration_alone
        and not other.is_configuration_alone
    group by loser.record_key
)

select
    explained.*,
    coalesce(displaced.cause, explained.own_cause) as cause
from explained
left join displaced
    on explained.entity = 'deals'
    and explained.record_key = displaced.record_key
    and not explained.is_configuration_alone
