{#
    How staging reads the text of a cell. Each macro gives NULL for what it cannot read; `staged_rows` notes
    those. They expect beside the value: _timezone (of the source), _reporting_timezone, _history_starts_on and
    _history_starts_at (its midnight in the reporting timezone, as UTC).

    `reading` is a column that says how the file writes this column (lake.<entity>, `_reading_<column>`):

        NULL                                     ISO 8601, or a plain number with a decimal point
        configured 1, 2 …                        the date formats of that set (var date_format_sets)
        unmistakable                             also 5 Mar 2026, 2026/03/05, seconds since 1970 …
        day_first, month_first, year_first       and dates of three numbers in this order
        serial                                   days since 1899-12-30, as spreadsheets count them
        point, comma                             the decimal sign of numbers with thousands, currency, percent

    Moments are read in steps, so that nothing is computed twice: a first CTE holds `has_offset` of each column as
    `_has_offset_<name>`, a second one `written_as`, a third `moment_of` as `_moment_<name>`, a fourth of days `date_of`, a
    fifth `not_before_history` (staged_rows does so).
#}

{% macro read_value(value, kind, reading) -%}
    {%- if kind == 'text' -%} {{ value }}
    {%- elif kind == 'timestamp' -%} _moment_{{ value }}
    {%- elif kind == 'date' -%} {{ date_of(value) }}
    {%- elif kind == 'amount' -%} {{ read_amount(value, reading) }}
    {%- elif kind == 'number' -%} {{ read_number(value, reading) }}
    {%- elif kind == 'currency' -%} {{ read_currency(value, '_source_currency') }}
    {%- elif kind == 'boolean' -%}
        case
            when lower({{ value }}) in ('true', 't', 'yes', 'y', '1', 'x') then true
            when lower({{ value }}) in ('false', 'f', 'no', 'n', '0') then false
        end
    {%- else -%} {{ exceptions.raise_compiler_error("unknown kind of value: " ~ kind) }}
    {%- endif -%}
{%- endmacro %}

{#
    A moment as its text writes it, in three columns: _day_<name>, a day without
    a time; _time_<name>, a local time; _utc_<name>, a time with its offset, or counted from 1970.
#}
{% macro written_as(name, value, kind, reading) -%}
    case when {{ value }} is not null then {{ written_day(value, kind, reading) }} end as _day_{{ name }},
    case when {{ value }} is not null then {{ written_time(value, reading, '_has_offset_' ~ name) }} end as _time_{{ name }},
    case when {{ value }} is not null then {{ written_utc(value, reading, '_has_offset_' ~ name) }} end as _utc_{{ name }}
{%- endmacro %}

{#
    A moment as UTC, of what `written_as` gives. A day is its midnight in the reporting timezone, also one of a configured
    format that writes its midnight; a local time is in the source's timezone. Of a day, `moment_of` is NULL for kind date.
#}
{% macro moment_of(name, kind) -%}
    {%- if kind == 'date' -%}
    coalesce({{ to_utc('_time_' ~ name, '_timezone') }}, _utc_{{ name }})
    {%- else -%}
    {#- one conversion for both: DuckDB sets up a calendar for each that a query mentions -#}
    {%- set local = 'coalesce(_day_' ~ name ~ ', _time_' ~ name ~ ')' -%}
    {%- set zone = 'case when _day_' ~ name ~ ' is not null then _reporting_timezone else _timezone end' -%}
    coalesce({{ to_utc(local, zone) }}, _utc_{{ name }})
    {%- endif -%}
{%- endmacro %}

{# A day: as is if the value has no time, else the day of that moment in the reporting timezone. #}
{% macro date_of(name) -%}
    case
        when _day_{{ name }} is not null then cast(_day_{{ name }} as date)
        {#- midnight without an offset is how some exports write a day #}
        when _time_{{ name }} = date_trunc('day', _time_{{ name }}) then cast(_time_{{ name }} as date)
        else {{ day_in('_moment_' ~ name, '_reporting_timezone') }}
    end
{%- endmacro %}

{# The last second of a day, as its clock shows it. #}
{% macro last_second_of(day) -%} cast({{ day }} as timestamp) + interval '86399' second {%- endmacro %}

{# A day of the year 0, or of the first one, as some systems write the beginning of time. #}
{% macro is_before_calendars(day) -%} {{ day }} < date '0002-01-01' {%- endmacro %}

{% macro written_day(value, kind, reading) -%}
    {#- a midnight in UTC is how some exports write a day, as they do in milliseconds #}
    {%- set midnight = 'when substr(' ~ value ~ ", 12, 5) = '00:00' and " ~ is_midnight_in_utc(value) ~ ' then try_cast(left(' ~ value ~ ', 10) as timestamp)' -%}
    {%- set iso -%}
        case
            when {{ value }} like '____-__-__' then try_cast({{ value }} as timestamp)
            {%- if kind == 'date' %}
            {{ midnight }}
            {#- a month alone is its first day #}
            when {{ value }} like '____-__' then try_cast({{ value }} || '-01' as timestamp)
            {%- endif %}
        end
    {%- endset -%}
    {%- set unmistakable = var('dates_unmistakable') + (var('months_alone') if kind == 'date' else []) -%}
    case
        when {{ reading }} is null then {{ iso }}
        {%- for formats in var('date_format_sets') %}
        when {{ reading }} = 'configured {{ loop.index }}' then coalesce({{ by_formats(value, configured_list(formats, false)) }}, {{ iso }})
        {%- endfor %}
        when {{ value }} like '%:%' then {{ 'case ' ~ midnight ~ ' end' if kind == 'date' else 'null' }}
        when {{ reading }} = 'serial' then case when {{ value }} not like '%.%' then {{ moment_of_serial(value) }} end
        when {{ matches(value, '^(19|20)[0-9]{6}$') }} then {{ by_formats(value, ['%Y%m%d']) }}
        {%- if kind == 'date' %}
        {#- how some exports write a day: its midnight in UTC, counted from 1970 #}
        when {{ is_epoch(value) }} then
            case when {{ moment_of_epoch(value) }} = date_trunc('day', {{ moment_of_epoch(value) }}) then {{ moment_of_epoch(value) }} end
        {%- endif %}
        else coalesce({{ iso }}, {{ by_proof(value, reading, unmistakable, []) }})
    end
{%- endmacro %}

{% macro written_time(value, reading, has_offset) -%}
    {%- set is_iso = '(' ~ value ~ " like '____-__-__ %' or " ~ value ~ " like '____-__-__T%')" -%}
    {%- set moment = 'try_cast(' ~ value ~ ' as timestamp)' -%}
    {%- set iso = 'case when ' ~ is_iso ~ ' then case when not ' ~ has_offset ~ ' then ' ~ moment ~ ' end end' -%}
    case
        when {{ reading }} is null then {{ iso }}
        {%- for formats in var('date_format_sets') %}
        when {{ reading }} = 'configured {{ loop.index }}' then
            case when {{ by_formats(value, configured_list(formats, false)) }} is null then coalesce({{ by_formats(value, configured_list(formats, true)) }}, {{ iso }}) end
        {%- endfor %}
        when {{ reading }} = 'serial' then case when {{ value }} like '%.%' then {{ moment_of_serial(value) }} end
        {#- the -0500 of an offset would be read as a fraction of a second #}
        when {{ value }} like '%:%' then
            case
                when not {{ has_offset }} then
                    coalesce(case when {{ is_iso }} then {{ moment }} end, {{ by_proof(value, reading, var('dates_unmistakable'), var('times_of_day')) }})
            end
    end
{%- endmacro %}

{% macro written_utc(value, reading, has_offset) -%}
    case
        when {{ value }} like '____-__-__%' then case when {{ has_offset }} then {{ utc_of_offset(value) }} end
        when {{ reading }} is null or {{ reading }} like 'configured %' or {{ reading }} = 'serial' then null
        when {{ is_epoch(value) }} then {{ moment_of_epoch(value) }}
    end
{%- endmacro %}

{# By the formats of the proved order where the value is a date of three numbers, else by those that need no proof. #}
{% macro by_proof(value, reading, unmistakable, times) -%}
    {%- set text = one_separator(value) -%}
    case
        when not {{ matches(value, var('numbered_date')) }} then {{ by_formats(text, unmistakable, times) }}
        {%- for order, dates in var('dates_in_order').items() %}
        when {{ reading }} = '{{ order }}' then {{ by_formats(text, dates, times) }}
        {%- endfor %}
    end
{%- endmacro %}

{# Those of the configured formats that name a time of day, or of those that name none. #}
{% macro configured_list(formats, with_time) -%}
    {%- set found = [] -%}
    {%- for format in formats -%}
        {%- set has_time = '%H' in format or '%I' in format or '%-H' in format or '%-I' in format or '%M' in format -%}
        {%- if has_time == with_time -%}{%- do found.append(format) -%}{%- endif -%}
    {%- endfor -%}
    {{- return(found) -}}
{%- endmacro %}

{# Z, UTC, GMT, +02:00, +0200 or +02 behind a time. #}
{% macro has_offset(value) -%}
    {#- nearly all without one end with their seconds, as 2026-03-05 10:00:00 does -#}
    (({{ value }} not like '____-__-_____:__:__' or {{ value }} like '%Z' or {{ value }} like '%z') and length({{ value }}) > 16 and ({{ value }} like '%Z' or {{ value }} like '%z' or {{ value }} like '%UTC' or {{ value }} like '%GMT' or substr({{ value }}, -6, 1) in ('+', '-') or substr({{ value }}, -5, 1) in ('+', '-') or substr({{ value }}, -3, 1) in ('+', '-')))
{%- endmacro %}

{% macro is_midnight_in_utc(value) -%} {{ matches(value, '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]00:00(:00([.]0+)?)? ?([Zz]|UTC|GMT|[+-]00(:?00)?)$') }} {%- endmacro %}

{# Seconds or milliseconds since 1970: ten or thirteen digits, from 2001 on. #}
{% macro is_epoch(value) -%} {{ matches(value, '^[0-9]{10}([0-9]{3})?$') }} {%- endmacro %}

{# One typo must not make eighteen hundred years of months. #}
{% macro not_before_history(column, kind) -%}
    {%- set start = '_history_starts_on' if kind == 'date' else '_history_starts_at' -%}
    case when {{ column }} >= {{ start }} then {{ column }} end
{%- endmacro %}

{# Money to the cent. A percentage is none. #}
{% macro read_amount(value, reading) -%}
    {{ by_decimal_sign(value, reading, 'try_cast(' ~ value ~ ' as decimal(18, 2))', 'decimal(18, 2)', percent=false) }}
{%- endmacro %}

{# A number; 12 % is 0.12. #}
{% macro read_number(value, reading) -%}
    {%- set plain = 'case when ' ~ matches(value, '^[-+0-9.eE]+$') ~ ' then try_cast(' ~ value ~ ' as double) end' -%}
    {{ by_decimal_sign(value, reading, plain, 'double', percent=true) }}
{%- endmacro %}

{# `plain` reads a number with a decimal point and nothing around it: nearly all of them. #}
{% macro by_decimal_sign(value, reading, plain, type, percent) -%}
    {%- set is_percent = value ~ " like '%!%%' escape '!'" -%}
    case
        when {{ reading }} is null then {{ plain }}
        {%- for sign in var('number_digits') %}
        when {{ reading }} = '{{ sign }}' then coalesce(
            {{ plain if sign == 'point' else 'case when ' ~ value ~ " not like '%.%' then " ~ plain ~ ' end' }},
            case
                when not {{ matches(value, number_pattern(sign)) }} then null
                when {{ is_percent }} then {{ 'try_cast(' ~ digits_of(value, sign) ~ ' as ' ~ type ~ ') / 100' if percent else 'null' }}
                else try_cast({{ digits_of(value, sign) }} as {{ type }})
            end
        )
        {%- endfor %}
    end
{%- endmacro %}

{#
    A whole cell: signed digits with what may stand around them, or those in parentheses. Behind the code of a currency they
    do not begin with a superfluous zero: USD001 is the number of something (read/format_inference.py says the same).
#}
{% macro number_pattern(sign) -%}
    {%- set digits = var('number_digits')[sign] -%}
    {%- set named = var('number_prefix') -%}
    {%- set numbers = [
        framed('(?:' ~ named | replace('{currency}', one_of(var('currency_signs').keys() | list)) ~ ')?', digits),
        framed(named | replace('{currency}', one_of(var('currency_codes'))), '(?:0|[1-9]\\d*)' ~ digits[3:]),
    ] | join('|') -%}
    {{ return('^(?:' ~ numbers ~ '|\\((?:' ~ numbers ~ ')\\))$') }}
{%- endmacro %}

{% macro framed(prefix, digits) -%}
    {{ return(
        var('number_frame') | replace('{prefix}', prefix) | replace('{digits}', digits)
        | replace('{suffix}', one_of(currency_words()))
    ) }}
{%- endmacro %}

{# The sign, the digits and the decimal sign of such a cell, as a plain number. #}
{% macro digits_of(value, sign) -%}
    {#- the points of kr. and Rs. are none of the number's -#}
    {%- set bare = without(value, one_of(var('currency_signs').keys() | select('in', ['kr.', 'Rs.', 'Fr.']) | list)) -%}
    {%- set digits = without(bare, '[^0-9.]') if sign == 'point' else 'replace(' ~ without(bare, '[^0-9,]') ~ ", ',', '.')" -%}
    concat_ws('', case when {{ matches(value, var('number_is_negative')) }} then '-' else '' end, {{ digits }})
{%- endmacro %}
