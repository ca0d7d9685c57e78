-- Shape `deal_versions`: one row per version of a deal, with the stage it stood in. Versions of one moment follow the
-- stages they came from, where they tell them, else the stages' configured places, then their ids.
with versions as (
    select
        versions.*,
        coalesce(placed.pipeline_name, versions.pipeline_name, deals.pipeline_name, '') as known_pipeline_name,
        coalesce(placed.left_pipeline_name, versions.pipeline_name, deals.pipeline_name, '') as left_pipeline_name
    from {{ ref('stg_deal_versions') }} as versions
    left join {{ ref('stg_deals') }} as deals on versions.deal_key = deals.deal_key
    left join {{ ref('int_history_pipelines') }} as placed
        on versions.deal_key = placed.deal_key
        and placed.shape = 'versioned'
        and concat_ws('', versions.file_id, ':', versions.file_position) = placed.word_key
),

staged as (
    select
        versions.deal_key,
        versions.source,
        versions.deal_id,
        names.pipeline,
        names.stage,
        left_names.pipeline as came_from_pipeline,
        left_names.stage as came_from_stage,
        versions.version_at,
        row_number() over (
            partition by versions.deal_key
            order by versions.version_at, names.configured_order nulls last, versions.version_id, versions.file_position
        ) as step_position,
        versions.amount,
        versions.currency,
        versions.owner_id,
        versions.expected_close_on,
        versions.extracted_at
    from versions
    inner join {{ ref('int_stage_names') }} as names
        on versions.source = names.source
        and versions.known_pipeline_name = names.pipeline_name
        and versions.stage_name = names.stage_name
    left join {{ ref('int_stage_names') }} as left_names
        on versions.source = left_names.source
        and versions.left_pipeline_name = left_names.pipeline_name
        and versions.from_stage_name = left_names.stage_name
),

steps as (
    select
        deal_key,
        'stage' as field,
        version_at as moment,
        step_position,
        case when came_from_stage is not null then concat_ws('|', came_from_pipeline, came_from_stage) end as old_value,
        concat_ws('|', pipeline, stage) as new_value
    from staged
),

ties as (
    {{ chained('steps') }}
)

select
    staged.deal_key,
    staged.source,
    staged.deal_id,
    staged.pipeline,
    staged.stage,
    -- a version of another field leaves the stage it is in: no change
    case
        when staged.came_from_stage != staged.stage or staged.came_from_pipeline != staged.pipeline
            then staged.came_from_pipeline
    end as left_pipeline,
    case
        when staged.came_from_stage != staged.stage or staged.came_from_pipeline != staged.pipeline
            then staged.came_from_stage
    end as left_stage,
    staged.version_at as entered_at,
    coalesce(ties.chained_position, staged.step_position) as shape_position,
    staged.amount,
    staged.currency,
    staged.owner_id,
    staged.expected_close_on,
    staged.extracted_at
from staged
left join ties
    on staged.deal_key = ties.deal_key
    and staged.step_position = ties.step_position
