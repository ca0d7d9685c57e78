{{ config(materialized='view') }}

-- Shape `deal_versions`: one row per version of a deal, with the stage it stood in. Versions of one moment are ordered
-- by the stage's configured place, then by id.
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
        and concat(versions.file_id, ':', versions.file_position) = placed.word_key
)

select
    versions.deal_key,
    versions.source,
    versions.deal_id,
    names.pipeline,
    names.stage,
    -- a version of another field leaves the stage it is in: no change
    case
        when left_names.stage != names.stage or left_names.pipeline != names.pipeline then left_names.pipeline
    end as left_pipeline,
    case
        when left_names.stage != names.stage or left_names.pipeline != names.pipeline then left_names.stage
    end as left_stage,
    versions.version_at as entered_at,
    row_number() over (
        partition by versions.deal_key
        order by versions.version_at, names.configured_order nulls last, versions.version_id, versions.file_position
    ) as shape_position,
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
