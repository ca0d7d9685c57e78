{{ config(materialized='view') }}

-- Shape `stage_dates`: one row per stage that the deal's newest row has a date for. Stages entered at one moment are in
-- the order of the configuration.
with dates as (
    select
        dates.*,
        names.pipeline,
        names.stage,
        names.configured_order
    from {{ ref('stg_deal_stage_dates') }} as dates
    left join {{ ref('int_history_pipelines') }} as placed
        on dates.deal_key = placed.deal_key
        and placed.shape = 'dated'
        and concat_ws('', coalesce(dates.heading_pipeline_name, ''), '|', dates.stage_name) = placed.word_key
    inner join {{ ref('int_stage_names') }} as names
        on dates.source = names.source
        and coalesce(placed.pipeline_name, dates.pipeline_name, '') = names.pipeline_name
        and dates.stage_name = names.stage_name
    cross join {{ ref('stg_config__run') }} as run
    where dates.entered_at <= run.as_of
)

select
    deal_key,
    source,
    deal_id,
    pipeline,
    stage,
    entered_at,
    row_number() over (
        partition by deal_key
        order by entered_at, configured_order nulls last, stage
    ) as shape_position
from dates
