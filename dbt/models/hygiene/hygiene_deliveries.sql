-- One row per delivery: all files of a feed with one extract time.
with files as (
    select * from {{ source('lake', 'files') }}
),

quarantined as (
    select
        source,
        feed,
        extracted_at,
        sum(quarantined) as quarantined
    from {{ ref('row_accounting') }}
    group by
        source,
        feed,
        extracted_at
),

deliveries as (
    select
        source,
        feed,
        min(entity) as entity,
        extracted_at,
        min(state) as state,
        min(message) as message,
        min(is_confirmed) as is_confirmed,
        sum(rows_in_file) as rows_in_file,
        sum(rows_rejected) as rows_rejected
    from files
    group by
        source,
        feed,
        extracted_at
)

select
    deliveries.*,
    concat_ws(':', deliveries.source, deliveries.feed, strftime(deliveries.extracted_at, '%Y-%m-%dT%H:%M:%SZ'))
        as record_key,
    deliveries.extracted_at = max(deliveries.extracted_at) over (partition by deliveries.source, deliveries.feed)
        as is_newest,
    {{ ratio('deliveries.rows_rejected + coalesce(quarantined.quarantined, 0)', 'deliveries.rows_in_file') }}
        as quarantine_share,
    run.max_quarantine_share
from deliveries
cross join {{ source('config', 'run') }} as run
left join quarantined
    on deliveries.source = quarantined.source
    and deliveries.feed = quarantined.feed
    and deliveries.extracted_at = quarantined.extracted_at
