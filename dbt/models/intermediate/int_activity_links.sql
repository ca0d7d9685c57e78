-- Activities whose cell names several deals, or several leads, and those whose earlier rows name a lead that the newest
-- does not (a CRM takes them from it when it becomes a contact or a deal): one row per record, survivors of merged
-- instead of the merged. Every other activity names one, in its own columns.
with activities as (
    select * from {{ ref('stg_activities') }}
),

-- who moves a call from one lead to another corrects it; who leaves it without a lead has converted that one
earlier_cells as (
    select distinct
        activities.activity_key,
        activities.source,
        activity_rows.lead_id as cell,
        activities.id_separator
    from {{ ref('activities_rows') }} as activity_rows
    inner join activities
        on activity_rows.source = activities.source
        and activity_rows.activity_id = activities.activity_id
    where
        activity_rows.row_state = 'superseded'
        and activity_rows.quarantine_reason is null
        and activity_rows.lead_id is not null
        and activities.lead_id is null
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

    union all

    select
        activity_key,
        source,
        'leads' as entity,
        cell,
        id_separator,
        {{ ids_in('cell', 'id_separator') }} as record_id
    from earlier_cells
)

select
    named.activity_key,
    named.source,
    named.entity,
    trim(named.record_id) as record_id,
    coalesce(merged.survivor_key, concat_ws('', named.source, ':', trim(named.record_id))) as record_key,
    min(
        instr(
            concat_ws('', coalesce(named.id_separator, ''), named.cell, coalesce(named.id_separator, '')),
            concat_ws('', coalesce(named.id_separator, ''), named.record_id, coalesce(named.id_separator, ''))
        )
    ) as place_in_cell
from named
left join {{ ref('int_merges') }} as merged
    on named.entity = merged.entity
    and concat_ws('', named.source, ':', trim(named.record_id)) = merged.merged_key
where trim(named.record_id) != ''
group by
    named.activity_key,
    named.source,
    named.entity,
    trim(named.record_id),
    coalesce(merged.survivor_key, concat_ws('', named.source, ':', trim(named.record_id)))
