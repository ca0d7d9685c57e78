-- One row per feed: the column whose share of NULLs in the newest good delivery is worst, and all that are above what
-- is allowed. A column that is delivered no longer is a change of headings; one that is new was NULL before.
with deliveries as (
    select
        source,
        feed,
        place,
        sum(rows_loaded) as row_count
    from {{ ref('stg_lake__files') }}
    where place is not null
    group by
        source,
        feed,
        place
),

filled as (
    select
        files.source,
        files.feed,
        files.place,
        counts.column_name,
        sum(counts.cells - counts.null_cells) as filled_cells
    from {{ ref('stg_lake__null_counts') }} as counts
    inner join {{ ref('stg_lake__files') }} as files
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

shares as (
    select
        newest.source,
        newest.feed,
        newest.column_name,
        deliveries.place,
        {{ ratio('deliveries.row_count - coalesce(filled.filled_cells, 0)', 'deliveries.row_count') }} as null_share
    from filled as newest
    inner join deliveries
        on newest.source = deliveries.source
        and newest.feed = deliveries.feed
    left join filled
        on newest.source = filled.source
        and newest.feed = filled.feed
        and newest.column_name = filled.column_name
        and deliveries.place = filled.place
    where newest.place = 1
),

compared as (
    select
        source,
        feed,
        column_name,
        round(max(case when place = 1 then null_share end), 10) as null_share,
        {{ median('case when place > 1 then null_share end') }} as usual_null_share
    from shares
    group by
        source,
        feed,
        column_name
),

-- to ten decimals: 3 times 0.29 is less than 0.87 in binary
judged as (
    select
        compared.*,
        compared.null_share
        - greatest(run.max_null_share, round(run.max_null_share_ratio * compared.usual_null_share, 10)) as excess
    from compared
    cross join {{ ref('stg_config__run') }} as run
    where compared.usual_null_share is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by source, feed
            order by case when excess > 0 then null_share end desc nulls last, excess desc, column_name
        ) as place,
        case when excess > 0 then {{ compared_share('column_name', 'null_share', 'usual_null_share') }} end as spike
    from judged
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
