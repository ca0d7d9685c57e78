with version_rows as (
    select * from {{ ref('deal_versions_rows') }}
),

run as (
    select * from {{ ref('stg_config__run') }}
),

-- with a deal its versions are flagged: its past stays what it was
deleted_deals as (
    select deal_key
    from {{ ref('stg_deals') }}
    where is_flagged_deleted
)

select
    -- keys
    concat_ws('', version_rows.source, ':', version_rows.deal_id) as deal_key,
    version_rows.source,
    version_rows.deal_id,
    version_rows.version_id,
    version_rows.owner_id,
    -- the deal at that moment
    version_rows.pipeline as pipeline_name,
    version_rows.stage as stage_name,
    version_rows.from_stage as from_stage_name,
    version_rows.amount,
    version_rows.currency,
    version_rows.expected_close_on,
    version_rows.version_at,
    -- as delivered
    version_rows.extracted_at,
    version_rows.file_id,
    version_rows.file_position
from version_rows
cross join run
left join deleted_deals on concat_ws('', version_rows.source, ':', version_rows.deal_id) = deleted_deals.deal_key
where
    version_rows.row_state = 'current'
    and version_rows.version_at <= run.as_of
    and (version_rows.is_deleted is not true or deleted_deals.deal_key is not null)
