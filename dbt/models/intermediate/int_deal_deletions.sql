-- Deals that are no more, and since when: flagged (the first delivery that shows the flag it still has), gone from a
-- later full extract (the first without it), or merged into another one (the first delivery that shows it gone, flagged
-- or merged).
with states as (
    select * from {{ ref('int_deal_states') }}
),

merged as (
    select * from {{ ref('int_merges') }}
    where entity = 'deals'
),

-- a rejected row may be that of any deal, so an extract with one does not tell that a deal is gone
full_extracts as (
    select
        files.source,
        files.feed,
        files.extracted_at
    from {{ ref('stg_lake__files') }} as files
    inner join {{ ref('stg_config__feeds') }} as feeds
        on files.source = feeds.source
        and files.feed = feeds.feed
    where
        files.entity = 'deals'
        and files.state = 'loaded'
        and feeds.is_full
    group by
        files.source,
        files.feed,
        files.extracted_at
    having sum(files.rows_rejected) = 0
),

gone as (
    select
        states.deal_key,
        min(full_extracts.extracted_at) as gone_at
    from states
    inner join full_extracts
        on states.source = full_extracts.source
        and states.feed = full_extracts.feed
        and states.last_delivered_at < full_extracts.extracted_at
    where states.is_gone
    group by states.deal_key
),

-- the last unbroken run of deliveries with the flag
flags as (
    select
        extracts.deal_key,
        extracts.extracted_at,
        extracts.is_flagged_deleted,
        max(case when not extracts.is_flagged_deleted then extracts.extracted_at end)
            over (partition by extracts.deal_key) as last_without_at
    from {{ ref('int_deal_extracts') }} as extracts
    inner join states on extracts.deal_key = states.deal_key
    where states.is_flagged_deleted
),

flagged as (
    select
        states.deal_key,
        coalesce(
            min(
                case
                    when
                        flags.is_flagged_deleted
                        and (flags.last_without_at is null or flags.extracted_at > flags.last_without_at)
                        then flags.extracted_at
                end
            ),
            min(states.extracted_at)
        ) as flagged_at
    from states
    left join flags on states.deal_key = flags.deal_key
    where states.is_flagged_deleted
    group by states.deal_key
),

-- deals of which history alone tells: flagged there, or in no full extract taken since their history began
told_only as (
    select
        history.deal_key,
        coalesce(history.flagged_deleted_at, min(full_extracts.extracted_at)) as deleted_at
    from {{ ref('int_deals_without_rows') }} as history
    left join full_extracts
        on history.source = full_extracts.source
        and history.first_told_at <= full_extracts.extracted_at
    group by
        history.deal_key,
        history.flagged_deleted_at
),

deleted as (
    select
        states.deal_key,
        merged.survivor_key,
        least(gone.gone_at, flagged.flagged_at) as known_deleted_at,
        merged.told_at as merge_told_at
    from states
    left join gone on states.deal_key = gone.deal_key
    left join flagged on states.deal_key = flagged.deal_key
    left join merged on states.deal_key = merged.merged_key
    where
        gone.deal_key is not null
        or flagged.deal_key is not null
        or merged.merged_key is not null

    union all

    select
        told_only.deal_key,
        merged.survivor_key,
        told_only.deleted_at as known_deleted_at,
        merged.told_at as merge_told_at
    from told_only
    left join merged on told_only.deal_key = merged.merged_key
    where
        told_only.deleted_at is not null
        or merged.merged_key is not null
)

select
    deal_key,
    survivor_key as merged_into_key,
    least(known_deleted_at, merge_told_at) as deleted_at,
    -- what was gone before a merge was told had left as deleted
    coalesce(merge_told_at <= coalesce(known_deleted_at, merge_told_at), false) as is_by_merge
from deleted
