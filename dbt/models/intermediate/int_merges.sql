-- Records that were merged into another one: by their own word, or by that of the survivor. A survivor that was itself
-- merged later gives way to the last of the chain; a circle of merges is none.
with recursive deal_rows as (
    select
        deal_rows.source,
        concat_ws('', deal_rows.source, ':', deal_rows.deal_id) as deal_key,
        deal_rows.merged_ids,
        deal_rows.merged_into_id,
        deal_rows.extracted_at,
        deal_rows.row_state,
        feeds.id_separator
    from {{ ref('deals_rows') }} as deal_rows
    inner join {{ ref('stg_config__feeds') }} as feeds
        on deal_rows.source = feeds.source
        and deal_rows.feed = feeds.feed
    where
        deal_rows.quarantine_reason is null
        and (deal_rows.merged_ids is not null or deal_rows.merged_into_id is not null)
),

lead_rows as (
    select
        lead_rows.source,
        concat_ws('', lead_rows.source, ':', lead_rows.lead_id) as lead_key,
        lead_rows.merged_ids,
        lead_rows.merged_into_id,
        lead_rows.extracted_at,
        lead_rows.row_state,
        feeds.id_separator
    from {{ ref('leads_rows') }} as lead_rows
    inner join {{ ref('stg_config__feeds') }} as feeds
        on lead_rows.source = feeds.source
        and lead_rows.feed = feeds.feed
    where
        lead_rows.quarantine_reason is null
        and (lead_rows.merged_ids is not null or lead_rows.merged_into_id is not null)
),

told_by_rows as (
    select
        'deals' as entity,
        concat_ws('', source, ':', merged_into_id) as survivor_key,
        deal_key as merged_key,
        extracted_at,
        row_state,
        0 as told_by
    from deal_rows
    where merged_into_id is not null

    union all

    select
        'deals' as entity,
        deal_key as survivor_key,
        concat_ws('', source, ':', trim(merged_id)) as merged_key,
        extracted_at,
        row_state,
        1 as told_by
    from (
        select
            *,
            {{ ids_in('merged_ids', 'id_separator') }} as merged_id
        from deal_rows
        where merged_ids is not null
    ) as listed

    union all

    select
        'leads' as entity,
        concat_ws('', source, ':', merged_into_id) as survivor_key,
        lead_key as merged_key,
        extracted_at,
        row_state,
        0 as told_by
    from lead_rows
    where merged_into_id is not null

    union all

    select
        'leads' as entity,
        lead_key as survivor_key,
        concat_ws('', source, ':', trim(merged_id)) as merged_key,
        extracted_at,
        row_state,
        1 as told_by
    from (
        select
            *,
            {{ ids_in('merged_ids', 'id_separator') }} as merged_id
        from lead_rows
        where merged_ids is not null
    ) as listed
),

-- what the newest rows tell, and when a row first told it
told as (
    select
        entity,
        merged_key,
        survivor_key,
        told_by,
        min(extracted_at) as told_at
    from told_by_rows
    group by
        entity,
        merged_key,
        survivor_key,
        told_by
    having max(case when row_state = 'current' then 1 else 0 end) = 1
),

ranked as (
    select
        entity,
        merged_key,
        survivor_key,
        min(told_at) over (partition by entity, merged_key) as told_at,
        row_number() over (partition by entity, merged_key order by told_by, survivor_key) as place
    from told
    where merged_key != survivor_key
),

links as (
    select
        entity,
        merged_key,
        survivor_key,
        told_at
    from ranked
    where place = 1
),

chains as (
    select
        entity,
        merged_key,
        survivor_key,
        survivor_key as direct_survivor_key,
        told_at,
        1 as steps
    from links

    union all

    select
        chains.entity,
        chains.merged_key,
        links.survivor_key,
        chains.direct_survivor_key,
        chains.told_at,
        chains.steps + 1 as steps
    from chains
    inner join links
        on chains.entity = links.entity
        and chains.survivor_key = links.merged_key
    where chains.steps < 100
)

select
    chains.entity,
    chains.merged_key,
    chains.survivor_key,
    chains.direct_survivor_key,
    chains.told_at
from chains
left join links
    on chains.entity = links.entity
    and chains.survivor_key = links.merged_key
where links.merged_key is null
