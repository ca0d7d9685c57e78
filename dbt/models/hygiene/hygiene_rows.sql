-- One row per value or row of a delivered file that could not be taken as it was, with where it stands in its file.
{% set listed = entities() %}
{% set records = [] %}
{%- for entity, said in listed.items() if said['rows'] == 'records' %}{% do records.append(entity) %}{% endfor %}

with files as (
    select * from {{ ref('stg_lake__files') }}
),

unreadable as (
    {%- for entity, said in listed.items() %}
    select
        source,
        feed,
        file_id,
        file_position,
        '{{ entity }}' as entity,
        {{ said['key'] }} as record_id,
        {{ parts_of('unparseable_values', unparseable_separator()) }} as cell
    from {{ ref(entity ~ '_rows') }}
    where
        row_state = 'current'
        and unparseable_values is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

lead_statuses as (
    select distinct
        source,
        feed,
        {{ normalized('word') }} as status_key
    from {{ ref('stg_config__feed_words') }}
    where kind in ('lead_status', 'converted_lead_status', 'closed_lead_status')
),

feeds_that_list_statuses as (
    select distinct
        source,
        feed
    from lead_statuses
),

unreadable_stage_dates as (
    select
        source,
        deal_id,
        min(raw_entered_at) as raw_entered_at
    from {{ ref('stg_deal_stage_dates') }}
    where
        entered_at is null
        and raw_entered_at is not null
    group by
        source,
        deal_id
),

-- what a log says of a field, where it cannot be read as what the field is
unreadable_changes as (
    select * from {{ ref('stg_deal_changes') }}
    where
        new_value is not null
        and (
            (field = 'amount' and new_amount is null)
            or (field = 'expected_close_on' and new_day is null)
            or (field = 'created_at' and new_moment is null)
            or (field = 'currency' and new_currency = {{ unreadable_currency() }})
            or (field in {{ logged_fields(['boolean', 'amount', 'number', 'date', 'timestamp']) }} and new_text is null)
            or (field = 'status' and lower(new_value) not in {{ known_words('status') }})
        )
),

-- words that are read by a list, and stand on none
unknown_words as (
    select
        source,
        feed,
        file_id,
        file_position,
        'deals' as entity,
        deal_id as record_id,
        'status' as column_name,
        status as observed
    from {{ ref('deals_rows') }}
    where
        row_state = 'current'
        and lower(status) not in {{ known_words('status') }}

    union all

    select
        source,
        feed,
        file_id,
        file_position,
        'activities' as entity,
        activity_id as record_id,
        'direction' as column_name,
        direction as observed
    from {{ ref('activities_rows') }}
    where
        row_state = 'current'
        and lower(direction) not in {{ known_words('outbound') }}
        and lower(direction) not in {{ known_words('inbound') }}
        and lower(direction) not in {{ known_words('no direction') }}

    union all

    select
        lead_rows.source,
        lead_rows.feed,
        lead_rows.file_id,
        lead_rows.file_position,
        'leads' as entity,
        lead_rows.lead_id as record_id,
        'status' as column_name,
        lead_rows.status as observed
    from {{ ref('leads_rows') }} as lead_rows
    -- a mapping that lists none reads none by a list
    inner join feeds_that_list_statuses as listing
        on lead_rows.source = listing.source
        and lead_rows.feed = listing.feed
    left join lead_statuses
        on lead_rows.source = lead_statuses.source
        and lead_rows.feed = lead_statuses.feed
        and {{ normalized('lead_rows.status') }} = lead_statuses.status_key
    where
        lead_rows.row_state = 'current'
        and lead_rows.status is not null
        and lead_statuses.status_key is null
),

-- the same id more than once in its newest delivery
{%- for entity in records %}
{{ entity }}_repeated as (
    select
        source,
        {{ listed[entity]['key'] }},
        extracted_at
    from {{ ref(entity ~ '_rows') }}
    where
        {{ listed[entity]['key'] }} is not null
        and extracted_at = last_delivered_at
    group by
        source,
        {{ listed[entity]['key'] }},
        extracted_at
    having count(*) > 1
),
{% endfor %}
repeated as (
    {%- for entity in records %}
    select
        rows.source,
        rows.feed,
        rows.file_id,
        rows.file_position,
        '{{ entity }}' as entity,
        '{{ listed[entity]['key'] }}' as key_column,
        rows.{{ listed[entity]['key'] }} as record_id,
        md5(concat_ws(chr(31), {{ content_of(entity) }})) as content
    from {{ ref(entity ~ '_rows') }} as rows
    inner join {{ entity }}_repeated as several
        on rows.source = several.source
        and rows.{{ listed[entity]['key'] }} = several.{{ listed[entity]['key'] }}
        and rows.extracted_at = several.extracted_at
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

counted as (
    select
        *,
        count(*) over (partition by source, entity, record_id) as times,
        min(content) over (partition by source, entity, record_id)
        != max(content) over (partition by source, entity, record_id) as contents_differ,
        row_number() over (partition by source, entity, record_id order by file_id desc, file_position desc) as place
    from repeated
),

found as (
    select
        'unparseable_value' as problem,
        source,
        feed,
        file_id,
        file_position,
        entity,
        record_id,
        split_part(cell, '=', 1) as column_name,
        substr(cell, length(split_part(cell, '=', 1)) + 2) as observed
    from unreadable

    union all

    select
        'unparseable_value' as problem,
        source,
        feed,
        file_id,
        file_position,
        entity,
        record_id,
        column_name,
        observed
    from unknown_words

    union all

    select
        'unparseable_value' as problem,
        deal_rows.source,
        deal_rows.feed,
        deal_rows.file_id,
        deal_rows.file_position,
        'deals' as entity,
        deal_rows.deal_id as record_id,
        'stage_dates' as column_name,
        unreadable_stage_dates.raw_entered_at as observed
    from unreadable_stage_dates
    inner join {{ ref('deals_rows') }} as deal_rows
        on unreadable_stage_dates.source = deal_rows.source
        and unreadable_stage_dates.deal_id = deal_rows.deal_id
        and deal_rows.row_state = 'current'

    union all

    select
        'unparseable_value' as problem,
        source,
        feed,
        file_id,
        file_position,
        'deal_changes' as entity,
        deal_id as record_id,
        field as column_name,
        new_value as observed
    from unreadable_changes

    union all

    select
        'duplicate_key' as problem,
        source,
        feed,
        file_id,
        file_position,
        entity,
        record_id,
        key_column as column_name,
        cast(times as string) as observed
    from counted
    where
        contents_differ
        and place = 1 -- the last of them, which counts
),

numbers as (
    {{ row_numbers_of('found') }}
),

placed as (
    select
        found.problem,
        found.source,
        found.entity,
        found.record_id,
        found.column_name,
        found.observed,
        files.file,
        files.sha256,
        files.extracted_at,
        numbers.row_number
    from found
    inner join files
        on found.source = files.source
        and found.feed = files.feed
        and found.file_id = files.file_id
    inner join numbers
        on found.source = numbers.source
        and found.feed = numbers.feed
        and found.file_id = numbers.file_id
        and found.file_position = numbers.file_position

    union all

    select
        'missing_key' as problem,
        source,
        entity,
        record_id,
        column_name,
        value as observed,
        file,
        sha256,
        extracted_at,
        row_number
    from {{ ref('quarantined_rows') }}
    where kind = 'quarantined'
),

keyed as (
    select
        *,
        case
            when record_id is null then concat_ws('', sha256, ':', cast(row_number as string))
            else concat_ws(':', source, entity, record_id, column_name)
        end as record_key
    from placed
),

-- of several rows of one event's record one is shown, the same every night
shown as (
    select * from (
        select
            *,
            row_number() over (
                partition by problem, record_key
                order by observed nulls last, extracted_at, file, row_number
            ) as place
        from keyed
    ) as in_order
    where place = 1
),

-- what a row is about, and who sees to it
subjects as (
    select
        'deals' as entity,
        deal_key as subject_key,
        pipeline,
        owner_key
    from {{ ref('fct_deals') }}

    union all

    select
        'leads' as entity,
        lead_key as subject_key,
        cast(null as string) as pipeline,
        owner_key
    from {{ ref('fct_leads') }}

    union all

    select
        'activities' as entity,
        record_key as subject_key,
        pipeline,
        owner_key
    from {{ ref('hygiene_activities') }}
)

select
    shown.problem,
    shown.source,
    shown.entity,
    shown.record_key,
    subjects.pipeline,
    subjects.owner_key,
    shown.record_id,
    shown.column_name,
    shown.observed,
    shown.file,
    shown.row_number
from shown
left join subjects
    on case when shown.entity in ('deal_changes', 'deal_versions') then 'deals' else shown.entity end = subjects.entity
    and concat_ws('', shown.source, ':', shown.record_id) = subjects.subject_key
