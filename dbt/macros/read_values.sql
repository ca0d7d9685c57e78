{#
    How staging reads the text of a cell. Each macro gives NULL for what it cannot read; `staged_rows` notes
    those. They expect beside the value: _timezone (of the source), _reporting_timezone, _date_format_set,
    _history_starts_on and _history_starts_at (its midnight in the reporting timezone, as UTC).
#}

{% macro read_value(value, kind) -%}
    {%- if kind == 'text' -%} {{ value }}
    {%- elif kind == 'timestamp' -%} {{ read_timestamp(value) }}
    {%- elif kind == 'date' -%} {{ read_date(value) }}
    {%- elif kind == 'amount' -%} try_cast({{ value }} as decimal(18, 2))
    {%- elif kind == 'number' -%} case when regexp_matches({{ value }}, '^[-+0-9.eE]+$') then try_cast({{ value }} as double) end
    {%- elif kind == 'boolean' -%}
        case
            when lower({{ value }}) in ('true', 't', 'yes', 'y', '1', 'x') then true
            when lower({{ value }}) in ('false', 'f', 'no', 'n', '0') then false
        end
    {%- else -%} {{ exceptions.raise_compiler_error("unknown kind of value: " ~ kind) }}
    {%- endif -%}
{%- endmacro %}

{# Whether a format names a time of day. #}
{% macro has_time(format) -%}
    {{ return('%H' in format or '%I' in format or '%-H' in format or '%-I' in format or '%M' in format) }}
{%- endmacro %}

{% macro formats_list(formats) -%}
    [{% for format in formats %}'{{ format }}'{{ ', ' if not loop.last }}{% endfor %}]
{%- endmacro %}

{#
    A moment as UTC. Configured formats first, then ISO 8601. A date without a time is that day's midnight in
    the reporting timezone; a time without offset is in the source's timezone.
#}
{% macro read_timestamp(value) -%}
    {%- set iso -%}
        case
            when {{ value }} not like '____-__-__%' then null
            when length({{ value }}) <= 10 then {{ to_utc('try_cast(' ~ value ~ ' as timestamp)', '_reporting_timezone') }}
            when {{ has_offset(value) }} then {{ utc_of_offset(value) }}
            else {{ to_utc('try_cast(' ~ value ~ ' as timestamp)', '_timezone') }}
        end
    {%- endset -%}
    {{ not_before_history(by_format_set(value, iso, 'timestamp'), '_history_starts_at') }}
{%- endmacro %}

{# A day: as is if the value has no time, else the day of that moment in the reporting timezone. #}
{% macro read_date(value) -%}
    {%- set iso -%}
        case
            when {{ value }} not like '____-__-__%' then null
            when length({{ value }}) <= 10 then try_cast({{ value }} as date)
            when {{ has_offset(value) }} then {{ day_in(utc_of_offset(value), '_reporting_timezone') }}
            -- midnight without an offset is how some exports write a day
            when {{ value }} like '% 00:00:00' or {{ value }} like '%T00:00:00' then cast(try_cast({{ value }} as timestamp) as date)
            else {{ day_in(to_utc('try_cast(' ~ value ~ ' as timestamp)', '_timezone'), '_reporting_timezone') }}
        end
    {%- endset -%}
    {{ not_before_history(by_format_set(value, iso, 'date'), '_history_starts_on') }}
{%- endmacro %}

{# Reads a value by the formats its feed is configured with, and by ISO 8601 where none of them fits. #}
{% macro by_format_set(value, iso, kind) -%}
    {%- if var('date_format_sets') | length == 0 -%}
        {{ iso }}
    {%- else -%}
        case _date_format_set
        {%- for formats in var('date_format_sets') %}
            {%- set dates = [] -%}{%- set times = [] -%}
            {%- for format in formats -%}{%- do (times if has_time(format) else dates).append(format) -%}{%- endfor %}
            when {{ loop.index }} then coalesce(
            {%- if dates and kind == 'date' %}
                cast(try_strptime({{ value }}, {{ formats_list(dates) }}) as date),
            {%- elif dates %}
                {{ to_utc('try_strptime(' ~ value ~ ', ' ~ formats_list(dates) ~ ')', '_reporting_timezone') }},
            {%- endif %}
            {%- if times %}
                {%- set moment = to_utc('try_strptime(' ~ value ~ ', ' ~ formats_list(times) ~ ')', '_timezone') %}
                {{ day_in(moment, '_reporting_timezone') if kind == 'date' else moment }},
            {%- endif %}
                {{ iso }}
            )
        {%- endfor %}
            else {{ iso }}
        end
    {%- endif -%}
{%- endmacro %}

{# Z, +02:00, +0200 or +02 behind a time. #}
{% macro has_offset(value) -%}
    (length({{ value }}) > 16 and ({{ value }} like '%Z' or substr({{ value }}, -6, 1) in ('+', '-') or substr({{ value }}, -5, 1) in ('+', '-') or substr({{ value }}, -3, 1) in ('+', '-')))
{%- endmacro %}

{# One typo must not make eighteen hundred years of months. #}
{% macro not_before_history(read, start) -%}
    case when ({{ read }}) >= {{ start }} then ({{ read }}) end
{%- endmacro %}
