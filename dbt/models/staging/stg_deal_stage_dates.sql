-- Grain: one row per deal and stage whose heading has a date for it, in the deal's newest row.
with deal_rows as (
    select * from {{ ref('deals_rows') }}
),

feeds as (
    select * from {{ ref('stg_config__feeds') }}
),

run as (
    select
        *,
        {{ to_utc('cast(history_starts_on as timestamp)', 'timezone') }} as history_starts_at
    from {{ ref('stg_config__run') }}
),

cells as (
    select
        source,
        feed,
        deal_id,
        pipeline,
        _reading_stage_dates,
        {{ objects_of('stage_dates', ['stage', 'pipeline', 'entered']) }} as cell
    from deal_rows
    where
        row_state = 'current'
        and stage_dates is not null
),

named as (
    select
        cells.source,
        cells.deal_id,
        cells.pipeline as deal_pipeline,
        cells.cell.pipeline as heading_pipeline,
        cells.cell.stage as stage_name,
        cells.cell.entered as raw_entered_at,
        cells._reading_stage_dates,
        feeds.timezone as _timezone,
        run.timezone as _reporting_timezone,
        run.history_starts_on as _history_starts_on,
        run.history_starts_at as _history_starts_at
    from cells
    inner join feeds
        on cells.source = feeds.source
        and cells.feed = feeds.feed
    cross join run
),

offset_or_not as (
    select
        *,
        {{ has_offset('raw_entered_at') }} as _has_offset_entered_at
    from named
),

written as (
    select
        *,
        {{ written_as('entered_at', 'raw_entered_at', 'timestamp', '_reading_stage_dates') }}
    from offset_or_not
),

read as (
    select
        *,
        {{ moment_of('entered_at', 'timestamp') }} as _entered_at
    from written
)

select
    -- keys
    concat_ws('', source, ':', deal_id) as deal_key,
    source,
    deal_id,
    -- the stage, and when it was entered
    coalesce(heading_pipeline, deal_pipeline) as pipeline_name,
    heading_pipeline as heading_pipeline_name,
    stage_name,
    {{ not_before_history('_entered_at', 'timestamp') }} as entered_at,
    raw_entered_at
from read
