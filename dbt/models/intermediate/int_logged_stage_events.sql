-- Shape `field_changes`: one row per logged entry of a deal into a stage, win and loss included, in the log's order,
-- with the owner and amount the log knew at that moment.
with changes as (
    select
        changes.*,
        deals.pipeline_name,
        deals.pipeline as row_pipeline,
        row_number() over (
            partition by changes.deal_key
            order by changes.changed_at, changes.extracted_at, changes.file_id, changes.file_position
        ) as shape_position
    from {{ ref('stg_deal_changes') }} as changes
    left join {{ ref('int_deal_states') }} as deals on changes.deal_key = deals.deal_key
),

named as (
    select
        changes.*,
        names.pipeline as entered_pipeline,
        names.stage as entered_stage,
        old_names.pipeline as left_pipeline,
        old_names.stage as left_stage,
        case
            when changes.means_lost then 'lost'
            when changes.field = 'status' then lower(changes.new_value)
        end as status_set
    from changes
    left join {{ ref('int_stage_names') }} as names
        on changes.field = 'stage'
        and changes.source = names.source
        and coalesce(changes.pipeline_name, '') = names.pipeline_name
        and changes.new_value = names.stage_name
    left join {{ ref('int_stage_names') }} as old_names
        on changes.field = 'stage'
        and changes.source = old_names.source
        and coalesce(changes.pipeline_name, '') = old_names.pipeline_name
        and changes.old_value = old_names.stage_name
),

known_then as (
    select
        *,
        last_value(entered_stage ignore nulls) over so_far as stage_then,
        last_value(entered_pipeline ignore nulls) over so_far as pipeline_then,
        last_value(case when field = 'owner_id' then new_value end ignore nulls) over so_far as owner_id,
        last_value(
            case when field = 'amount' then try_cast(new_value as decimal(18, 2)) end ignore nulls
        ) over so_far as amount
    from named
    window so_far as (
        partition by deal_key
        order by shape_position
        rows between unbounded preceding and current row
    )
),

entries as (
    select
        *,
        coalesce(pipeline_then, row_pipeline, 'default') as pipeline
    from known_then
    where
        entered_stage is not null
        or status_set in ('won', 'lost')
        or (status_set = 'open' and stage_then is not null)
)

select
    entries.deal_key,
    entries.source,
    entries.deal_id,
    entries.pipeline,
    case
        when entries.status_set in ('won', 'lost')
            then coalesce(terminal.stage, case entries.status_set when 'won' then 'Won' else 'Lost' end)
        else entries.stage_then
    end as stage,
    entries.left_pipeline,
    entries.left_stage,
    entries.changed_at as entered_at,
    entries.shape_position,
    entries.amount,
    entries.owner_id
from entries
left join {{ ref('int_terminal_stages') }} as terminal
    on entries.source = terminal.source
    and {{ normalized('entries.pipeline') }} = terminal.pipeline_key
    and entries.status_set = terminal.outcome
