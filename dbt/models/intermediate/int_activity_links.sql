-- Activities whose cell names several deals, or several leads: one row per record it names, survivors of merged
-- instead of the merged. Every other activity names one, in its own columns.
with activities as (
    select * from {{ ref('stg_activities') }}
),

named as (
    select
        activity_key,
        source,
        'deals' as entity,
        deal_ids as cell,
        id_separator,
        {{ ids_in('deal_ids', 'id_separator') }} as record_id
    from activities
    where deal_ids is not null

    union all

    select
        activity_key,
        source,
        'leads' as entity,
        lead_ids as cell,
        id_separator,
        {{ ids_in('lead_ids', 'id_separator') }} as record_id
    from activities
    where lead_ids is not null
)

select
    named.activity_key,
    named.source,
    named.entity,
    trim(named.record_id) as record_id,
    coalesce(merged.survivor_key, concat(named.source, ':', trim(named.record_id))) as record_key,
    min(
        instr(
            concat(named.id_separator, named.cell, named.id_separator),
            concat(named.id_separator, named.record_id, named.id_separator)
        )
    ) as place_in_cell
from named
left join {{ ref('int_merges') }} as merged
    on named.entity = merged.entity
    and concat(named.source, ':', trim(named.record_id)) = merged.merged_key
where trim(named.record_id) != ''
group by
    named.activity_key,
    named.source,
    named.entity,
    trim(named.record_id),
    coalesce(merged.survivor_key, concat(named.source, ':', trim(named.record_id)))
