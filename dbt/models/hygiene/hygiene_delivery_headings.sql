-- One row per feed: which headings its newest good delivery has and the one before had not, and the other way round.
-- They are the same whatever their case, as in a mapping.
with delivered as (
    select
        files.source,
        files.feed,
        min(headings.heading) as heading,
        max(files.place = 1) as is_there,
        max(files.place = 2) as was_there
    from {{ ref('stg_lake__headings') }} as headings
    inner join {{ ref('stg_lake__files') }} as files
        on headings.source = files.source
        and headings.feed = files.feed
        and headings.file_id = files.file_id
    where files.place <= 2
    group by
        files.source,
        files.feed,
        lower(headings.heading)
),

compared as (
    select
        *,
        case
            when not was_there then concat_ws('', '+', heading)
            when not is_there then concat_ws('', '-', heading)
        end as change
    from delivered
)

select
    source,
    feed,
    count(case when is_there then 1 end) as headings,
    count(case when was_there then 1 end) as headings_before,
    count(case when not was_there then 1 end) as headings_appeared,
    count(case when not is_there then 1 end) as headings_vanished,
    {{ listed('change', 'change') }} as headings_changed
from compared
group by
    source,
    feed
