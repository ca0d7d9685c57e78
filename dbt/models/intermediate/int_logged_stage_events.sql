{{ config(materialized='view') }}

-- Shape `field_changes`: one row per logged entry of a deal into a stage, win and loss included, in the log's order,
-- with the owner and amount the log knew at that moment.
with named as (
    select
        changes.*,
        -- where the log says nothing of it, the one of the row: which may know it by its stage
        case
            when changes.log_names_pipeline then pipelines.pipeline
            else coalesce(deals.pipeline, pipelines.pipeline)
        end as known_pipeline,
        deals.named_stage as row_stage,
        names.pipeline as entered_pipeline,
        names.stage as entered_stage,
        names.outcome as entered_outcome,
        -- a stage that the row or a later change gives may be a close itself: nothing is known of the time before
        case when changes.field = 'stage' or old_names.outcome = 'open' then old_names.pipeline end as left_pipeline,
        case when changes.field = 'stage' or old_names.outcome = 'open' then old_names.stage end as left_stage,
        case
            when changes.means_lost then 'lost'
            when changes.field = 'status' then lower(changes.new_value)
        end as status_set
    from {{ ref('int_logged_words') }} as changes
    left join {{ ref('int_deal_states') }} as deals on changes.deal_key = deals.deal_key
    left join {{ ref('int_history_pipelines') }} as placed
        on changes.deal_key = placed.deal_key
        and placed.shape = 'logged'
        and cast(changes.shape_position as string) = placed.word_key
    left join {{ ref('int_stage_names') }} as names
        on changes.source = names.source
        and coalesce(placed.pipeline_name, changes.pipeline_name, '') = names.pipeline_name
        and changes.stage_name = names.stage_name
    left join {{ ref('int_stage_names') }} as old_names
        on changes.source = old_names.source
        and coalesce(placed.left_pipeline_name, changes.left_pipeline_name, '') = old_names.pipeline_name
        and changes.left_stage_name = old_names.stage_name
    inner join {{ ref('int_pipeline_names') }} as pipelines
        on changes.source = pipelines.source
        and coalesce(changes.pipeline_name, '') = pipelines.pipeline_name
),

known_then as (
    select
        *,
        {{ last_filled('entered_stage') }} over so_far as stage_then,
        {{ last_filled('entered_pipeline') }} over so_far as pipeline_then,
        {{ last_filled('entered_outcome') }} over so_far as outcome_then,
        {{ first_filled("case when field = 'stage' then left_stage end") }} over from_here as stage_left_next,
        -- before the first change of a field, what that change says was there before
        coalesce(
            {{ last_filled("case when field = 'owner_id' then new_value end") }} over so_far,
            {{ first_filled("case when field = 'owner_id' then old_value end") }} over from_here
        ) as owner_id,
        coalesce(
            {{ last_filled('new_amount') }} over so_far,
            {{ first_filled('old_amount') }} over from_here
        ) as amount,
        -- a CRM may log the reason of a loss just behind the loss, in the same second
        {{ last_filled("case when field = 'lost_reason' then new_value end") }} over until_now as lost_reason
    from named
    window
        so_far as (
            partition by deal_key
            order by shape_position
            rows between unbounded preceding and current row
        ),
        from_here as (
            partition by deal_key
            order by shape_position
            rows between 1 following and unbounded following
        ),
        until_now as (
            partition by deal_key
            order by changed_at
            range between unbounded preceding and current row
        )
),

entries as (
    select
        *,
        coalesce(pipeline_then, known_pipeline) as pipeline,
        coalesce(stage_then, stage_left_next, row_stage) as stage_known
    from known_then
    where
        entered_stage is not null
        or status_set in ('won', 'lost')
        or (
            status_set = 'open'
            and coalesce(stage_then, stage_left_next, row_stage) is not null
            -- a log's first word: a reopening, unless the log tells of the creation it belongs to
            and (
                stage_then is not null
                or lower(old_value) in ('won', 'lost')
                or (old_value is null and not has_creation)
            )
        )
)

select
    entries.deal_key,
    entries.source,
    entries.deal_id,
    entries.pipeline,
    case
        -- already in a stage of that outcome: no other stage is entered
        when entries.status_set = entries.outcome_then then entries.stage_then
        when entries.status_set in ('won', 'lost')
            then coalesce(terminal.stage, case entries.status_set when 'won' then 'Won' else 'Lost' end)
        else entries.stage_known
    end as stage,
    entries.left_pipeline,
    entries.left_stage,
    entries.changed_at as entered_at,
    entries.shape_position,
    entries.amount,
    entries.owner_id,
    entries.lost_reason
from entries
left join {{ ref('int_terminal_stages') }} as terminal
    on entries.source = terminal.source
    and entries.pipeline = terminal.pipeline
    and entries.status_set = terminal.outcome
