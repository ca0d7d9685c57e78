{#
    Every lake row of an entity, typed, with what became of it:

        row_state   current      the row that counts for its record
                    superseded   a later row of that record, or a later full extract, replaced it
                    quarantined  without key, or unusable in a required column (quarantine_reason)

    Columns, their kinds (read_value), which of them are required, and what rows are stand in entities.yml. Fields that a
    configuration adds (macros/fields.sql) are read like columns, and stand together in `fields`, as JSON. Of records
    one row per key counts, the newest; of events all of the newest full extract and of later increments count,
    identical events once, the earliest.

    unless      required column → condition under which a row does without it
    same_event  of events: the columns in which identical ones agree; else all of them
    last_counts of identical events the last one counts, which may correct the others
    first_when  further columns: name → condition; the extract time of the first delivery in which it held
    readings    what is read further on from text: names of `_reading_<name>` columns to hand over
    days_told   moments of which it matters whether only their day was told: `<name>_is_day` beside them
    since_ever  days that may lie before every calendar (year 0), which then means since ever

    Delivered order is extract time, then file, then row: the same whichever file was loaded first.
#}
{% macro staged_rows(entity, unless={}, same_event=[], last_counts=false, first_when={}, readings=[], days_told=[], since_ever=[]) %}
{%- set listed = entities()[entity] %}
{%- set id = listed['key'] %}
{%- set columns = listed['columns'] %}
{%- set fields = listed['fields'] %}
{%- set has_fields = entity in entities_with_fields() %}
{%- set required = listed['required'] %}
{%- set latest = listed['rows'] == 'records' %}
{%- set desc = ' desc' if last_counts else '' %}
{%- set missing = {} %}
{%- for column in required %}
    {%- do missing.update({column: column ~ ' is null' ~ (' and not coalesce(' ~ unless[column] ~ ', false)' if column in unless)}) %}
{%- endfor %}
{%- set typed_columns = columns.items() | selectattr(1, 'ne', 'text') | map('first') | list %}
{%- set has_money = 'amount' in columns and 'currency' in columns %}
{%- set told_later = ['amount', 'currency'] if has_money else [] %}
{%- set moments = [] %}
{%- set kinds = {} %}
{%- do kinds.update(columns) %}
{%- do kinds.update(fields) %}
{%- for column, kind in kinds.items() if kind in ('timestamp', 'date') %}{% do moments.append(column) %}{% endfor %}
with feeds as (
    select * from {{ ref('stg_config__feeds') }}
),

run as (
    select
        *,
        {{ to_utc('cast(history_starts_on as timestamp)', 'timezone') }} as history_starts_at
    from {{ ref('stg_config__run') }}
),

{% if latest -%}
{# By a number of few bytes, which two records may share: what is several is asked again, of few. #}
repeated as (
    select {{ fingerprint(['_source', id]) }} as fingerprint
    from {{ source('lake', entity) }}
    group by {{ fingerprint(['_source', id]) }}
    having count(*) > 1
),

{% endif -%}
delivered as {{ not_materialized() }} (
    select
        lake_rows.*,
        {%- if latest %}
        repeated.fingerprint is not null as _may_be_several,
        {%- endif %}
        lake_rows._file_row_number + 1 as _position,
        feeds.timezone as _timezone,
        feeds.currency as _source_currency,
        feeds.is_full as _is_full,
        feeds.newest_full_at as _newest_full_at,
        feeds.newest_proof_at as _newest_proof_at,
        feeds.needs_stage as _needs_stage,
        run.timezone as _reporting_timezone,
        run.history_starts_on as _history_starts_on,
        run.history_starts_at as _history_starts_at
    from {{ source('lake', entity) }} as lake_rows
    inner join feeds
        on lake_rows._source = feeds.source
        and lake_rows._feed = feeds.feed
    cross join run
    {%- if latest %}
    left join repeated
        on {{ fingerprint(['lake_rows._source', 'lake_rows.' ~ id]) }} = repeated.fingerprint
    {%- endif %}
),

offset_or_not as {{ not_materialized() }} (
    select
        *
        {%- for column in moments %},
        {{ has_offset(column) }} as _has_offset_{{ column }}
        {%- endfor %}
    from delivered
),

written as {{ not_materialized() }} (
    select
        *
        {%- for column in moments %},
        {{ written_as(column, column, kinds[column], '_reading_' ~ column) }}
        {%- endfor %}
    from offset_or_not
),

in_utc as {{ not_materialized() }} (
    select
        *
        {%- for column in moments %},
        {{ moment_of(column, kinds[column]) }} as _moment_{{ column }}
        {%- endfor %}
    from written
),

read as {{ not_materialized() }} (
    select
        _source as source,
        _feed as feed,
        _file_id as file_id,
        _position as file_position,
        _extracted_at as extracted_at,
        _unreadable,
        _is_full,
        _newest_full_at,
        _newest_proof_at,
        _needs_stage,
        {%- if latest %}
        _may_be_several,
        {%- endif %}
        {%- for column in typed_columns %}
        {{ column }} as raw_{{ column }},
        {%- endfor %}
        {%- for column, kind in columns.items() %}
        {{ read_value(column, kind, '_reading_' ~ column) }} as {{ '_read_' if column in moments + told_later }}{{ column }},
        {%- endfor %}
        {%- for name, kind in fields.items() %}
        {{ name }} as _raw_{{ name }},
        {{ read_value(name, kind, '_reading_' ~ name) }} as {{ '_field_' if kind in ('text', 'boolean') else '_read_' }}{{ name }},
        {%- if kind == 'amount' %}
        case when _reading_{{ name }} is not null then {{ word_before(name) }} end as _before_{{ name }},
        case when _reading_{{ name }} is not null then {{ word_behind(name) }} end as _behind_{{ name }},
        {%- endif %}
        {%- endfor %}
        {%- if has_money %}
        -- a number in the standard form has nothing beside it
        case when _reading_amount is not null then {{ word_before('amount') }} end as _before_amount,
        case when _reading_amount is not null then {{ word_behind('amount') }} end as _behind_amount,
        {%- endif %}
        {%- if has_money or 'amount' in fields.values() %}
        _source_currency,
        {%- endif %}
        {%- for name in readings %}
        _reading_{{ name }},
        {%- endfor %}
        {%- for column in days_told %}
        _day_{{ column }} is not null as {{ column }}_is_day,
        {%- endfor %}
        _history_starts_on,
        _history_starts_at
    from in_utc
),

{%- if has_money %}
-- said once, for each mention of a sign is a list of all of them
named as {{ not_materialized() }} (
    select
        *,
        coalesce({{ sole_currency('_before_amount') }}, {{ sole_currency('_behind_amount') }}) as _named_currency
    from read
),

in_a_currency as {{ not_materialized() }} (
    select
        *,
        -- one that cannot be read is not the source's
        coalesce(_read_currency, _named_currency, case when raw_currency is null then _source_currency end) as _told_currency
    from named
),
{%- endif %}

typed as {{ not_materialized() }} (
    select
        *
        {%- for column in moments if column in columns %},
        {{ 'case when ' ~ is_before_calendars('_read_' ~ column) ~ " then date '0001-01-01' else " if column in since_ever }}
        {{- not_before_history('_read_' ~ column, columns[column]) }}{{ ' end' if column in since_ever }} as {{ column }}
        {%- endfor %}
        {%- for name, kind in fields.items() if kind in ('timestamp', 'date') %},
        {{ not_before_history('_read_' ~ name, kind) }} as _field_{{ name }}
        {%- endfor %}
        {%- for name, kind in fields.items() if kind == 'number' %},
        -- JSON knows nothing without end
        case when abs(_read_{{ name }}) <= 1e308 then _read_{{ name }} end as _field_{{ name }}
        {%- endfor %}
        {%- for name, kind in fields.items() if kind == 'amount' %}
        {%- set told = '_told_currency' if has_money else '_source_currency' %},
        case
            when {{ can_mean('_before_' ~ name, told) }} and {{ can_mean('_behind_' ~ name, told) }} then _read_{{ name }}
        end as _field_{{ name }}
        {%- endfor %}
        {%- if has_money %},
        coalesce(
            _read_currency,
            case when _read_amount is not null then _named_currency end,
            case when raw_currency is not null then {{ unreadable_currency() }} end
        ) as currency,
        case
            when {{ can_mean('_before_amount', '_told_currency') }} and {{ can_mean('_behind_amount', '_told_currency') }}
                then _read_amount
        end as amount
        {%- endif %}
    from {{ 'in_a_currency' if has_money else 'read' }}
),

judged as {{ not_materialized() }} (
    select
        *,
        concat_ws(
            ', '
            {%- for column in required %}
            , case when {{ missing[column] }}
                then {% if column in typed_columns %}case when raw_{{ column }} is null then 'no {{ column }}' else '{{ column }} cannot be read' end{% else %}'no {{ column }}'{% endif %} end
            {%- endfor %}
        ) as quarantine_reason,
        case
            {%- for column in required %}
            when {{ missing[column] }} then '{{ column }}'
            {%- endfor %}
        end as quarantine_column,
        case
            {%- for column in required if column in typed_columns %}
            when {{ missing[column] }} then raw_{{ column }}
            {%- else %}
            when false then ''
            {%- endfor %}
        end as quarantine_value,
        concat_ws(
            {{ unparseable_separator() }},
            -- columns of text whose cell is an error of a workbook
            _unreadable
            {%- for column in typed_columns if column not in required or column in unless %}
            , case when raw_{{ column }} is not null and {{ '_read_' if has_money and column == 'currency' }}{{ column }} is null then concat_ws('', '{{ column }}=', raw_{{ column }}) end
            {%- else %}
            , null
            {%- endfor %}
            {%- for name, kind in fields.items() if kind != 'text' %}
            , case when _raw_{{ name }} is not null and _field_{{ name }} is null then concat_ws('', '{{ name }}=', _raw_{{ name }}) end
            {%- endfor %}
        ) as unparseable_values
        {%- for name, condition in first_when.items() %},
        {{ condition }} as _is_{{ name }}
        {%- endfor %}
    from typed
),

{# Most records stand in one row of one delivery; of the others only the rows of their newest delivery are put in order. #}
{%- if latest %}
several as (
    select
        source,
        {{ id }},
        min(extracted_at) as first_delivered_at,
        max(extracted_at) as last_delivered_at,
        max(case when quarantine_reason = '' then extracted_at end) as last_usable_at,
        -- of several feeds: a record is gone when it is gone from all of them; an extract with rejects does not tell
        max(case when _is_full and extracted_at < _newest_proof_at then 0 else 1 end) = 1 as is_still_there
        {%- for name in first_when %},
        min(case when _is_{{ name }} then extracted_at end) as {{ name }}
        {%- endfor %}
    from judged
    where
        _may_be_several
        and {{ id }} is not null
    group by
        source,
        {{ id }}
    having count(*) > 1
),

ordered as (
    select
        judged.source as ordered_source,
        judged.feed as ordered_feed,
        judged.file_id as ordered_file_id,
        judged.file_position as ordered_file_position,
        row_number() over (
            partition by judged.source, judged.{{ id }}
            order by (judged.quarantine_reason = '') desc, judged.extracted_at desc, judged.file_id desc, judged.file_position desc
        ) as usable_place,
        row_number() over (
            partition by judged.source, judged.{{ id }}
            order by judged.extracted_at desc, judged.file_id desc, judged.file_position desc
        ) as place
    from judged
    inner join several
        on judged.source = several.source
        and judged.{{ id }} = several.{{ id }}
    where
        judged._may_be_several
        and (judged.extracted_at = several.last_delivered_at or judged.extracted_at = several.last_usable_at)
),
{%- else %}
ordered as (
    select
        source as ordered_source,
        feed as ordered_feed,
        file_id as ordered_file_id,
        file_position as ordered_file_position,
        row_number() over (
            partition by source, {{ (same_event or columns) | join(', ') }}
            order by (quarantine_reason = '') desc, extracted_at{{ desc }}, file_id{{ desc }}, file_position{{ desc }}
        ) as usable_place
    from judged
    where not _is_full
),
{%- endif %}

placed as (
    select
        judged.*,
        {%- if latest %}
        case when several.{{ id }} is null then 1 else ordered.usable_place end as usable_place,
        case when several.{{ id }} is null then 1 else coalesce(ordered.place, 2) end as place,
        coalesce(several.first_delivered_at, judged.extracted_at) as first_delivered_at,
        coalesce(several.last_delivered_at, judged.extracted_at) as last_delivered_at,
        coalesce(
            not several.is_still_there,
            judged._is_full and judged.extracted_at < judged._newest_proof_at,
            false
        ) as is_gone,
        {%- for name in first_when %}
        coalesce(several.{{ name }}, case when judged._is_{{ name }} then judged.extracted_at end) as {{ name }},
        {%- endfor %}
        {%- else %}
        coalesce(ordered.usable_place, 1) as usable_place,
        {%- endif %}
        judged._is_full and judged.extracted_at < judged._newest_full_at as is_before_newest_full
    from judged
    {%- if latest %}
    left join several
        on judged.source = several.source
        and judged.{{ id }} = several.{{ id }}
    {%- endif %}
    left join ordered
        on judged.source = ordered.ordered_source
        and judged.feed = ordered.ordered_feed
        and judged.file_id = ordered.ordered_file_id
        and judged.file_position = ordered.ordered_file_position
)

select
    source,
    feed,
    file_id,
    file_position,
    extracted_at,
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    {%- if has_fields %}
    {{ fields_as_json(fields) }} as fields,
    {%- endif %}
    {%- for name in readings %}
    _reading_{{ name }},
    {%- endfor %}
    {%- for column in days_told %}
    {{ column }}_is_day,
    {%- endfor %}
    {%- if latest %}
    first_delivered_at,
    last_delivered_at,
    is_gone,
    {%- for name in first_when %}
    {{ name }},
    {%- endfor %}
    {%- endif %}
    nullif(unparseable_values, '') as unparseable_values,
    nullif(quarantine_reason, '') as quarantine_reason,
    quarantine_column,
    quarantine_value,
    case
        {%- if latest %}
        when quarantine_reason = '' and usable_place = 1 then 'current'
        when quarantine_reason = '' then 'superseded'
        when is_before_newest_full or ({{ id }} is not null and place > 1) then 'superseded'
        {%- else %}
        when is_before_newest_full then 'superseded'
        when quarantine_reason = '' and usable_place = 1 then 'current'
        when quarantine_reason = '' then 'superseded'
        {%- endif %}
        else 'quarantined'
    end as row_state
from placed
{% endmacro %}

{# Between the values of one row that could not be read: a control character no CRM exports. #}
{% macro unparseable_separator() %}chr(31){% endmacro %}
