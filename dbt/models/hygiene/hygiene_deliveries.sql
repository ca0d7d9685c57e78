-- One row per delivery: all files of a feed with one extract time. What is compared with earlier deliveries stands at
-- the newest one that was loaded.
with quarantined as (
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
        min(place) as place,
        min(state) as state,
        case min(state)
            when 'held_back'
                then concat_ws(
                    '',
                    min(file),
                    case when count(*) > 1 then concat_ws('', ' and ', count(*) - 1, ' more') end,
                    ': ',
                    min(message)
                )
            else min(file || ': ' || message)
        end as message,
        min(is_confirmed) as is_confirmed,
        {{ listed("case when not is_confirmed then file || ' (' || sha256 || ')' end", 'file') }} as unconfirmed_files,
        sum(rows_in_file) as rows_in_file,
        sum(rows_rejected) as rows_rejected
    from {{ ref('stg_lake__files') }}
    group by
        source,
        feed,
        extracted_at
)

select
    deliveries.source,
    deliveries.feed,
    deliveries.entity,
    deliveries.extracted_at,
    concat_ws(':', deliveries.source, deliveries.feed, {{ moment_as_text('deliveries.extracted_at') }})
        as record_key,
    deliveries.state,
    deliveries.message,
    deliveries.is_confirmed,
    coalesce(deliveries.place = 1, false) as is_newest_loaded,
    max(deliveries.place) over (partition by deliveries.source, deliveries.feed) - 1 as baseline_deliveries,
    -- can its rows be used
    deliveries.rows_in_file,
    deliveries.rows_rejected,
    deliveries.rows_rejected + coalesce(quarantined.quarantined, 0) as unusable_rows,
    deliveries.unconfirmed_files,
    {{ ratio('deliveries.rows_rejected + coalesce(quarantined.quarantined, 0)', 'deliveries.rows_in_file') }}
        as quarantine_share,
    run.max_quarantine_share,
    -- how old it is
    {{ seconds_between('deliveries.extracted_at', 'run.as_of') }} as seconds_old,
    round({{ seconds_between('deliveries.extracted_at', 'run.as_of') }} / 3600, 2) as hours_old,
    feeds.max_delivery_age_hours,
    -- how it differs from those before it
    headings.headings,
    headings.headings_before,
    headings.headings_appeared,
    headings.headings_vanished,
    headings.headings_changed,
    null_shares.null_share,
    null_shares.usual_null_share,
    run.max_null_share,
    run.max_null_share_ratio,
    null_shares.null_spikes,
    stages.stage_mix_psi,
    round(stages.stage_mix_psi, 4) as shown_stage_mix_psi,
    run.max_stage_mix_psi,
    stages.stage_moves
from deliveries
cross join {{ ref('stg_config__run') }} as run
left join {{ ref('stg_config__feeds') }} as feeds
    on deliveries.source = feeds.source
    and deliveries.feed = feeds.feed
left join quarantined
    on deliveries.source = quarantined.source
    and deliveries.feed = quarantined.feed
    and deliveries.extracted_at = quarantined.extracted_at
left join {{ ref('hygiene_delivery_headings') }} as headings
    on deliveries.source = headings.source
    and deliveries.feed = headings.feed
    and deliveries.place = 1
left join {{ ref('hygiene_delivery_nulls') }} as null_shares
    on deliveries.source = null_shares.source
    and deliveries.feed = null_shares.feed
    and deliveries.place = 1
left join {{ ref('hygiene_delivery_stages') }} as stages
    on deliveries.source = stages.source
    and deliveries.feed = stages.feed
    and deliveries.place = 1
