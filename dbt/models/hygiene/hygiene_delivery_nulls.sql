-- One row per feed: the column whose share of NULLs in the newest good delivery is furthest above what is allowed, and
-- all that are above it. A column that is not delivered any more is a change of headings, not of NULLs.
with shares as (
    select
        files.source,
        files.feed,
        files.place,
        counts.column_name,
        {{ ratio('sum(counts.null_cells)', 'sum(counts.cells)') }} as null_share
    from {{ source('lake', 'null_counts') }} as counts
    inner join {{ source('lake', 'files') }} as files
        on counts.source = files.source
        and counts.feed = files.feed
        and counts.file_id = files.file_id
    where files.place is not null
    group by
        files.source,
        files.feed,
        files.place,
        counts.column_name
),

usual as (
    select
        source,
        feed,
        column_name,
        {{ median('null_share') }} as null_share
    from shares
    where place > 1
    group by
        source,
        feed,
        column_name
),

-- to ten decimals: 3 times 0.29 is less than 0.87 in binary
compared as (
    select
        shares.source,
        shares.feed,
        shares.column_name,
        round(shares.null_share, 10) as null_share,
        usual.null_share as usual_null_share,
        round(shares.null_share, 10)
        - greatest(run.max_null_share, round(run.max_null_share_ratio * usual.null_share, 10)) as excess
    from shares
    cross join {{ source('config', 'run') }} as run
    inner join usual
        on shares.source = usual.source
        and shares.feed = usual.feed
        and shares.column_name = usual.column_name
    where shares.place = 1
),

ranked as (
    select
        *,
        row_number() over (partition by source, feed order by excess desc, column_name) as place,
        case when excess > 0 then {{ compared_share('column_name', 'null_share', 'usual_null_share') }} end as spike
    from compared
)

select
    source,
    feed,
    max(case when place = 1 then null_share end) as null_share,
    max(case when place = 1 then usual_null_share end) as usual_null_share,
    {{ listed('spike', 'place') }} as null_spikes
from ranked
group by
    source,
    feed
