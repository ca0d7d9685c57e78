-- Change logs in their order, each row with the pipeline the deal was in when it was logged, and the stage it enters
-- and leaves, still as the log names them. Of one second, a move to another pipeline comes first.
with status_tellers as (
    {{ sources_that_tell_a_status() }}
),

changes as (
    select
        changes.*,
        deals.pipeline_name as row_pipeline_name,
        -- a CRM with statuses beside its stages keeps a closed deal's stage: if its log tells none, it never left it
        case
            when
                status_tellers.source is not null
                and max(case when changes.field = 'stage' then 1 else 0 end) over (partition by changes.deal_key) = 0
                then deals.stage_name
        end as never_left_stage_name,
        row_number() over (
            partition by changes.deal_key
            order by
                changes.changed_at,
                changes.field = 'pipeline' desc,
                changes.log_position
        ) as shape_position,
        max(case when changes.field = 'stage' then 1 else 0 end)
            over (partition by changes.deal_key, changes.changed_at) = 1 as has_stage_in_second,
        max(case when changes.field = 'created_at' then 1 else 0 end)
            over (partition by changes.deal_key) = 1 as has_creation
    from {{ ref('int_deal_changes') }} as changes
    left join {{ ref('stg_deals') }} as deals on changes.deal_key = deals.deal_key
    left join status_tellers on changes.source = status_tellers.source
),

moves as (
    select
        *,
        {{ last_filled("case when field = 'pipeline' then new_value end") }} over so_far as moved_into,
        {{ last_filled("case when field = 'pipeline' then changed_at end") }} over so_far as moved_at,
        {{ last_filled("case when field = 'pipeline' then new_value end") }} over before as was_in,
        {{ first_filled("case when field = 'pipeline' then old_value end") }} over from_here as left_next,
        {{ last_filled("case when field = 'stage' then new_value end") }} over so_far as stage_told,
        -- until a stage is told: the one that the first change will name as left
        coalesce(
            {{ last_filled("case when field = 'stage' then new_value end") }} over so_far,
            {{ first_filled("case when field = 'stage' then old_value end") }} over from_here,
            never_left_stage_name
        ) as stage_name_then
    from changes
    window
        so_far as (
            partition by deal_key
            order by shape_position
            rows between unbounded preceding and current row
        ),
        before as (
            partition by deal_key
            order by shape_position
            rows between unbounded preceding and 1 preceding
        ),
        from_here as (
            partition by deal_key
            order by shape_position
            rows between current row and unbounded following
        )
),

placed as (
    select
        *,
        coalesce(moved_into, left_next, row_pipeline_name) as pipeline_name,
        {{ last_filled(
            "case when field = 'pipeline' then coalesce(old_value, was_in, row_pipeline_name, '') end"
        ) }} over (
            partition by deal_key
            order by shape_position
            rows between unbounded preceding and current row
        ) as moved_from
    from moves
)

select
    deal_key,
    source,
    deal_id,
    field,
    old_value,
    new_value,
    changed_at,
    means_lost,
    new_amount,
    old_amount,
    has_creation,
    shape_position,
    pipeline_name,
    coalesce(moved_into, left_next) is not null as log_names_pipeline,
    coalesce(moved_at = changed_at, false) as is_moved_then,
    case when moved_at = changed_at then nullif(moved_from, '') else pipeline_name end as left_pipeline_name,
    case
        when field = 'stage' then new_value
        -- moved into another pipeline, and no word of another stage: into the stage of the same name
        when field = 'pipeline' and not has_stage_in_second then stage_name_then
    end as stage_name,
    case
        when field = 'stage' then old_value
        when field = 'pipeline' and not has_stage_in_second then stage_name_then
        -- won or lost before any stage was told: where it had been since its creation
        when stage_told is null and (field = 'status' or means_lost) then stage_name_then
    end as left_stage_name
from placed
