-- The lake rows of records that are counted otherwise: which of them the last publication saw, and which say something
-- that none of those says.
{% set told_by = {
    'deals': ['deals', 'deal_changes', 'deal_versions'],
    'leads': ['leads'],
} %}
{% set ids = {'deals': 'deal_id', 'leads': 'lead_id'} %}

with pairs as (
    select
        entity,
        record_key,
        source,
        record_id
    from {{ ref('int_restated_pairs') }}
),

files as (
    select
        files.source,
        files.feed,
        files.file_id,
        files.file,
        seen.sha256 is not null as is_seen
    from {{ ref('stg_lake__files') }} as files
    left join {{ ref('stg_published__files') }} as seen
        on files.source = seen.source
        and files.feed = seen.feed
        and files.sha256 = seen.sha256
        and files.extracted_at = seen.extracted_at
    where files.state = 'loaded'
),

said as (
    {%- for entity, rows_of in told_by.items() %}
    {%- set is_last_entity = loop.last %}
    {%- for told in rows_of %}
    {%- set columns = [] %}
    {%- for column in entities()[told]['columns'] %}{% do columns.append('lake_rows.' ~ column) %}{% endfor %}
    {%- if told in entities_with_fields() %}{% do columns.append('lake_rows.fields') %}{% endif %}
    select
        pairs.entity,
        pairs.record_key,
        '{{ told }}' as told_in,
        lake_rows.source,
        lake_rows.feed,
        lake_rows.file_id,
        lake_rows.file_position,
        lake_rows.extracted_at,
        lake_rows.quarantine_reason is null as is_usable,
        {{ fingerprint(columns) }} as content
    from pairs
    inner join {{ ref(told ~ '_rows') }} as lake_rows
        on pairs.entity = '{{ entity }}'
        and pairs.source = lake_rows.source
        and pairs.record_id = lake_rows.{{ ids[entity] }}
    {{ 'union all' if not (is_last_entity and loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

placed as (
    select
        said.*,
        files.file,
        files.is_seen,
        max(case when files.is_seen then 1 else 0 end) over (
            partition by said.entity, said.record_key, said.told_in, said.content
        ) = 1 as is_content_seen
    from said
    inner join files
        on said.source = files.source
        and said.feed = files.feed
        and said.file_id = files.file_id
)

select
    *,
    -- the row to show: the newest that says something new, else the newest
    row_number() over (
        partition by entity, record_key
        order by is_content_seen, extracted_at desc, told_in, file_id desc, file_position desc
    ) as place
from placed
where is_usable
