{{ config(materialized='view') }}

-- Shape `snapshots`: one row per full extract that shows a deal for the first time, or in another stage than the one
-- before. What stands in the first full extract was there before it: the stage it stands in is also the one it left.
with extracts as (
    select
        *,
        row_number() over in_order as shape_position,
        lag(stage) over in_order as stage_before,
        lag(pipeline) over in_order as pipeline_before
    from {{ ref('int_deal_extracts') }}
    where
        is_full
        and stage is not null
    window in_order as (
        partition by deal_key
        order by extracted_at, feed
    )
)

select
    deal_key,
    source,
    deal_id,
    pipeline,
    stage,
    -- the stage beside a status of won or lost
    named_stage,
    extracted_at as entered_at,
    shape_position,
    amount,
    owner_id,
    lost_reason,
    case when is_in_first_extract then pipeline end as left_pipeline,
    case when is_in_first_extract then stage end as left_stage
from extracts
where
    stage_before is null
    or stage_before != stage
    or pipeline_before != pipeline
