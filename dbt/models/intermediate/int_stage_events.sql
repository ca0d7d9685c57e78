-- Every entry of a deal into a stage, in order: what its history tells, what can be inferred before it, and what the
-- newest row shows after it. A deal without any history has the one entry that its row gives.
with history as (
    select * from {{ ref('int_history_events') }}
),

deals as (
    select * from {{ ref('int_deals') }}
),

status_tellers as (
    {{ sources_that_tell_a_status() }}
),

-- where won and lost are statuses beside the stage: a log that tells no stage says that the deal never left its own
never_left as (
    select
        logged.deal_key,
        states.pipeline,
        states.named_stage as stage
    from {{ ref('int_logged_deals') }} as logged
    inner join status_tellers on logged.source = status_tellers.source
    inner join {{ ref('int_deal_states') }} as states on logged.deal_key = states.deal_key
    where
        not logged.tells_stages
        and states.named_stage is not null
        and (states.outcome = 'open' or states.named_stage != states.stage)
),

-- where each deal began, as its first change or its row lets it have begun
beginnings as (
    select
        history.deal_key,
        coalesce(history.left_pipeline, never_left.pipeline) as left_pipeline,
        coalesce(history.left_stage, never_left.stage) as left_stage,
        history.entered_at,
        history.amount,
        history.owner_id
    from history
    left join never_left
        on history.deal_key = never_left.deal_key
        and history.pipeline = never_left.pipeline
        -- an extract that shows it closed names the stage it was closed in
        and coalesce(history.named_stage, history.stage) = never_left.stage
    where
        history.event_number = 1
        and coalesce(history.left_stage, never_left.stage) is not null
),

never_moved as (
    select
        never_left.deal_key,
        never_left.pipeline,
        never_left.stage,
        deals.entered_pipeline_at as entered_at
    from never_left
    inner join deals on never_left.deal_key = deals.deal_key
    left join history
        on never_left.deal_key = history.deal_key
        and history.event_number = 1
    where history.deal_key is null
),

-- a first change that names the stage it left tells the stage before it
inferred_start as (
    select
        history.deal_key,
        history.left_pipeline as pipeline,
        history.left_stage as stage,
        least(deals.entered_pipeline_at, history.entered_at) as entered_at,
        0 as event_number,
        'inferred' as evidence,
        false as is_current_shape,
        history.amount,
        history.owner_id,
        cast(null as string) as lost_reason
    from beginnings as history
    inner join deals on history.deal_key = deals.deal_key

    union all

    select
        deal_key,
        pipeline,
        stage,
        entered_at,
        0 as event_number,
        'inferred' as evidence,
        false as is_current_shape,
        cast(null as decimal(18, 2)) as amount,
        cast(null as string) as owner_id,
        cast(null as string) as lost_reason
    from never_moved
),

current_only as (
    select
        deals.deal_key,
        deals.row_pipeline as pipeline,
        deals.row_stage as stage,
        case
            when deals.row_outcome = 'open' then deals.entered_pipeline_at
            else greatest(deals.row_closed_at, deals.entered_pipeline_at)
        end as entered_at,
        1 as event_number,
        'inferred' as evidence,
        true as is_current_shape,
        deals.amount,
        deals.owner_id,
        deals.lost_reason
    from deals
    left join history
        on deals.deal_key = history.deal_key
        and history.event_number = 1
    left join never_moved on deals.deal_key = never_moved.deal_key
    where
        history.deal_key is null
        and never_moved.deal_key is null
        and deals.row_stage is not null
),

last_told as (
    select
        deal_key,
        max_by(pipeline, event_number) as pipeline,
        max_by(stage, event_number) as stage,
        max(event_number) as event_number,
        max(case when is_change then entered_at end) as entered_at
    from history
    group by deal_key

    union all

    select
        deal_key,
        pipeline,
        stage,
        1 as event_number,
        entered_at
    from never_moved
),

-- the row is newer than the last word of the history, and says something else
observed_after as (
    select
        deals.deal_key,
        case when deals.row_names_pipeline then deals.row_pipeline else last_told.pipeline end as pipeline,
        deals.row_stage as stage,
        greatest(
            last_told.entered_at,
            coalesce(deals.row_closed_at, deals.extracted_at)
        ) as entered_at,
        last_told.event_number + 1 as event_number,
        'observed' as evidence,
        false as is_current_shape,
        deals.amount,
        deals.owner_id,
        deals.lost_reason
    from deals
    inner join last_told on deals.deal_key = last_told.deal_key
    where
        deals.row_stage is not null
        and last_told.entered_at <= deals.extracted_at
        and (
            deals.row_stage != last_told.stage
            or (deals.row_names_pipeline and deals.row_pipeline != last_told.pipeline)
        )
),

-- whether versions tell of amounts and owners at all: then what one leaves empty is empty
versions_tell as (
    select
        source,
        max(column_name = 'amount') as of_amounts,
        max(column_name = 'owner_id') as of_owners
    from {{ ref('stg_config__delivered_columns') }}
    where entity = 'deal_versions'
    group by source
),

all_events as (
    select
        *,
        false as is_by_row
    from inferred_start
    union all
    select
        *,
        false as is_by_row
    from current_only
    union all
    select
        *,
        true as is_by_row
    from observed_after
    union all
    select
        history.deal_key,
        history.pipeline,
        history.stage,
        history.entered_at,
        history.event_number,
        history.evidence,
        false as is_current_shape,
        history.amount,
        history.owner_id,
        history.lost_reason,
        false as is_by_row
    from history
    left join beginnings
        on history.deal_key = beginnings.deal_key
        and history.event_number = 1
    where
        history.is_change
        -- the first entry, into the stage that is inferred before it
        and (
            beginnings.deal_key is null
            or beginnings.left_stage != history.stage
            or beginnings.left_pipeline != history.pipeline
        )
),

-- what the event's own evidence does not tell: the last value known by then, or what the first change after it replaced
untold as (
    select
        events.deal_key,
        events.event_number,
        changes.field,
        case when changes.changed_at <= events.entered_at then changes.new_value else changes.old_value end as value,
        row_number() over (
            partition by events.deal_key, events.event_number, changes.field
            order by
                changes.changed_at <= events.entered_at desc,
                case when changes.changed_at <= events.entered_at then -changes.word_number else changes.word_number end
        ) as place
    from all_events as events
    inner join {{ ref('int_deal_field_changes') }} as changes on events.deal_key = changes.deal_key
    where
        -- an extract tells its own; a close that the row dates is of another day than the row
        (events.evidence != 'observed' or events.is_by_row)
        and (
            -- what held at the beginning is the first change's old value, whatever the first step knew; and a log may
            -- tell the amount just behind the step, in the same second
            events.is_by_row
            or (changes.field = 'amount' and (events.amount is null or events.evidence in ('inferred', 'logged')))
            or (changes.field = 'owner' and (events.owner_id is null or events.evidence in ('inferred', 'logged')))
        )
),

known_then as (
    select
        deal_key,
        event_number,
        field,
        value
    from untold
    where place = 1
)

select
    events.deal_key,
    deals.source,
    deals.deal_id,
    events.pipeline,
    events.stage,
    events.entered_at,
    events.event_number,
    events.evidence,
    events.is_current_shape,
    case
        when
            (events.evidence = 'observed' and not events.is_by_row)
            or (events.evidence = 'versioned' and versions_tell.of_amounts)
            then events.amount
        when amounts.deal_key is not null then cast(amounts.value as decimal(18, 2))
        else coalesce(events.amount, deals.amount)
    end as amount,
    case
        when
            (events.evidence = 'observed' and not events.is_by_row)
            or (events.evidence = 'versioned' and versions_tell.of_owners)
            then events.owner_id
        -- without the source before it
        when owners.deal_key is not null
            then substr(owners.value, length(deals.source) + 2)
        else coalesce(events.owner_id, deals.owner_id)
    end as owner_id,
    events.lost_reason
from all_events as events
inner join deals on events.deal_key = deals.deal_key
left join versions_tell on deals.source = versions_tell.source
left join known_then as amounts
    on events.deal_key = amounts.deal_key
    and events.event_number = amounts.event_number
    and amounts.field = 'amount'
left join known_then as owners
    on events.deal_key = owners.deal_key
    and events.event_number = owners.event_number
    and owners.field = 'owner'
