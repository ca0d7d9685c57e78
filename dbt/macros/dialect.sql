{#
    Everything that engines say differently, one idea per macro: `duckdb__` and `spark__` of each give the same values
    (tests/spark/test_dialect.py asks both). Spark's session stands in UTC, its TIMESTAMP is without a zone and it is in
    ANSI mode (dagster_project/transform/spark/session.py).
#}

{#
    A moment in a timezone (no offset in the value) as UTC. Where the clocks go back an hour exists twice: the first
    one is meant (DuckDB alone would take the second). Where they go forward an hour is missing: its times are as
    long after the gap as they stand behind its beginning, 02:30 is 03:30. Python's zoneinfo says the same.
#}
{% macro to_utc(moment, timezone) %}{{ adapter.dispatch('to_utc')(moment, timezone) }}{% endmacro %}
{% macro duckdb__to_utc(moment, timezone) -%}
    {#- by the offset that held three hours before #}
    {%- set first = "timezone('UTC', timezone(" ~ timezone ~ ", " ~ moment ~ " - interval 3 hour)) + interval 3 hour" -%}
    case when {{ timezone }} = 'UTC' then {{ moment }} else coalesce(
        {#- a conversion takes microseconds: ask only where clocks are ever changed, and of midnights where they are then #}
        case
            when hour({{ moment }}) between 4 and 22 then null
            when {{ moment }} = date_trunc('day', {{ moment }}) and {{ timezone }} not in ({{ zones_that_repeat_midnight() }}) then null
            when timezone({{ timezone }}, timezone('UTC', {{ first }})) = {{ moment }} then {{ first }}
        end,
        {{ by_zone(timezone, "timezone('UTC', timezone(", ', ' ~ moment ~ '))') }}
    ) end
{%- endmacro %}
{% macro spark__to_utc(moment, timezone) -%} cast(to_utc_timestamp({{ moment }}, {{ timezone }}) as timestamp_ntz) {%- endmacro %}

{#
    What is done with a zone, written out for those of the night's configuration. DuckDB looks a zone up by its name for
    each value, unless the name is a literal: that takes three times as long as the conversion itself.
#}
{% macro by_zone(timezone, before, behind) -%}
    case
        {%- for zone in fromjson(env_var('DEALTRAIL_TIMEZONES', '[]')) %}
        when {{ timezone }} = '{{ zone }}' then {{ before }}'{{ zone }}'{{ behind }}
        {%- endfor %}
        when {{ timezone }} is not null then {{ before }}{{ timezone }}{{ behind }}
    end
{%- endmacro %}

{# Zones in which, since 2000, a day has begun twice; tests/unit/test_clock_changes.py asks zoneinfo for them. #}
{% macro zones_that_repeat_midnight() -%}
    {%- for zone in var('zones_that_repeat_midnight') %}'{{ zone }}'{{ ', ' if not loop.last }}{% endfor -%}
{%- endmacro %}

{#
    Text with an offset as UTC. A cast to a plain timestamp drops the offset without a word (DuckDB 1.5), which is right
    where there is none, as APIs write, and four times as fast. A cast to one with a timezone wants seconds, a capital Z,
    and no space before the offset.
#}
{% macro utc_of_offset(value) %}{{ adapter.dispatch('utc_of_offset')(value) }}{% endmacro %}
{% macro duckdb__utc_of_offset(value) -%}
    coalesce(
        case when {{ value }} like '%Z' or {{ value }} like '%+00:00' or {{ value }} like '%+0000' then try_cast({{ value }} as timestamp) end,
        timezone('UTC', coalesce(
            try_cast({{ value }} as timestamptz),
            try_cast(regexp_replace(regexp_replace(regexp_replace({{ value }}, ' ?(z|UTC|GMT)$', 'Z'), '^(.{16}) ?([Zz]|[-+].*)$', '\1:00\2'), ' ([Zz]|[-+])', '\1') as timestamptz)
        ))
    )
{%- endmacro %}
{% macro spark__utc_of_offset(value) -%}
    cast(coalesce(
        try_cast({{ value }} as timestamp_ltz),
        try_cast(regexp_replace(regexp_replace(regexp_replace({{ value }}, ' ?(z|UTC|GMT)$', 'Z'), '^(.{16}) ?([Zz]|[-+].*)$', '$1:00$2'), ' ([Zz]|[-+])', '$1') as timestamp_ltz)
    ) as timestamp_ntz)
{%- endmacro %}

{# The day of a UTC moment in a timezone. #}
{% macro day_in(moment, timezone) %}{{ adapter.dispatch('day_in')(moment, timezone) }}{% endmacro %}
{% macro duckdb__day_in(moment, timezone) -%}
    cast(
        case
            when {{ timezone }} = 'UTC' then {{ moment }}
            else {{ by_zone(timezone, 'timezone(', ", timezone('UTC', " ~ moment ~ '))') }}
        end as date
    )
{%- endmacro %}
{% macro spark__day_in(moment, timezone) -%} cast(from_utc_timestamp({{ moment }}, {{ timezone }}) as date) {%- endmacro %}

{% macro seconds_between(earlier, later) %}{{ adapter.dispatch('seconds_between')(earlier, later) }}{% endmacro %}
{% macro duckdb__seconds_between(earlier, later) -%} (epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1e6 {%- endmacro %}
{% macro spark__seconds_between(earlier, later) -%}
    (unix_micros(cast({{ later }} as timestamp_ltz)) - unix_micros(cast({{ earlier }} as timestamp_ltz))) / cast(1e6 as double)
{%- endmacro %}

{# Whole days from one date to another. #}
{% macro days_between(earlier, later) %}{{ adapter.dispatch('days_between')(earlier, later) }}{% endmacro %}
{% macro duckdb__days_between(earlier, later) -%} date_diff('day', {{ earlier }}, {{ later }}) {%- endmacro %}
{% macro spark__days_between(earlier, later) -%} datediff({{ later }}, {{ earlier }}) {%- endmacro %}

{% macro add_months(day, months) %}{{ adapter.dispatch('add_months')(day, months) }}{% endmacro %}
{% macro duckdb__add_months(day, months) -%} cast({{ day }} + interval ({{ months }}) month as date) {%- endmacro %}
{% macro spark__add_months(day, months) -%} add_months({{ day }}, {{ months }}) {%- endmacro %}

{# The year that a day's ISO week belongs to. #}
{% macro iso_year_of(day) %}{{ adapter.dispatch('iso_year_of')(day) }}{% endmacro %}
{% macro duckdb__iso_year_of(day) -%} extract(isoyear from {{ day }}) {%- endmacro %}
{% macro spark__iso_year_of(day) -%} extract(yearofweek from {{ day }}) {%- endmacro %}

{# The last day of a day's month. #}
{% macro last_day_of_month(day) -%} cast(last_day({{ day }}) as date) {%- endmacro %}

{# One row per number from 0 to `last`. #}
{% macro numbers_to(last) %}{{ adapter.dispatch('numbers_to')(last) }}{% endmacro %}
{% macro duckdb__numbers_to(last) -%} unnest(range(cast({{ last }} as bigint) + 1)) {%- endmacro %}
{% macro spark__numbers_to(last) -%} explode(case when {{ last }} >= 0 then sequence(0, cast({{ last }} as int)) end) {%- endmacro %}

{# One row per part of a text. #}
{% macro parts_of(text, separator) %}{{ adapter.dispatch('parts_of')(text, separator) }}{% endmacro %}
{% macro duckdb__parts_of(text, separator) -%} unnest(string_split({{ text }}, {{ separator }})) {%- endmacro %}
{% macro spark__parts_of(text, separator) -%} explode(split({{ text }}, concat_ws('', r'\Q', {{ separator }}, r'\E'))) {%- endmacro %}

{# The texts of several rows as one, in the order of a value; NULLs are left out. #}
{% macro listed(text, order_by, separator=', ') %}{{ adapter.dispatch('listed')(text, order_by, "'" ~ separator ~ "'") }}{% endmacro %}
{% macro duckdb__listed(text, order_by, separator) -%} string_agg({{ text }}, {{ separator }} order by {{ order_by }}) {%- endmacro %}
{% macro spark__listed(text, order_by, separator) -%} listagg({{ text }}, {{ separator }}) within group (order by {{ order_by }}) {%- endmacro %}

{# One row per object of a JSON array of flat objects: a struct whose fields are text. #}
{% macro objects_of(json, fields) %}{{ adapter.dispatch('objects_of')(json, fields) }}{% endmacro %}
{% macro duckdb__objects_of(json, fields) -%}
    unnest(from_json({{ json }}, '[{ {%- for field in fields %}"{{ field }}":"VARCHAR"{{ ',' if not loop.last }}{% endfor -%} }]'))
{%- endmacro %}
{% macro spark__objects_of(json, fields) -%}
    explode(from_json({{ json }}, 'array<struct<{% for field in fields %}{{ field }}:string{{ ',' if not loop.last }}{% endfor %}>>'))
{%- endmacro %}

{# A text as JSON writes it, in quotes. #}
{% macro json_text(text) %}{{ adapter.dispatch('json_text')(text) }}{% endmacro %}
{% macro duckdb__json_text(text) -%} case when {{ text }} is not null then cast(to_json({{ text }}) as varchar) end {%- endmacro %}
{% macro spark__json_text(text) -%}
    case when {{ text }} is not null then regexp_extract(to_json(array({{ text }})), r'(?s)^.(.*).$', 1) end
{%- endmacro %}

{# What a JSON object has under a name, as text; NULL where it has nothing. #}
{% macro json_value(json, name) %}{{ adapter.dispatch('json_value')(json, name) }}{% endmacro %}
{% macro duckdb__json_value(json, name) -%} json_extract_string({{ json }}, '$.{{ name }}') {%- endmacro %}
{% macro spark__json_value(json, name) -%} get_json_object({{ json }}, '$.{{ name }}') {%- endmacro %}

{# Several values as one number: equal values give equal numbers. #}
{% macro fingerprint(values) %}{{ adapter.dispatch('fingerprint')(values) }}{% endmacro %}
{% macro duckdb__fingerprint(values) -%} hash({{ values | join(', ') }}) {%- endmacro %}
{% macro spark__fingerprint(values) -%} xxhash64({% for value in values %}cast({{ value }} as string), {{ value }} is null{{ ', ' if not loop.last }}{% endfor %}) {%- endmacro %}

{# Exact median, interpolated between the middle two. #}
{% macro median(value) %}{{ adapter.dispatch('median')(value) }}{% endmacro %}
{% macro duckdb__median(value) -%} median({{ value }}) {%- endmacro %}
{% macro spark__median(value) -%} percentile({{ value }}, 0.5) {%- endmacro %}

{# Whether a text matches a regular expression. #}
{% macro matches(value, pattern) %}{{ adapter.dispatch('matches')(value, pattern_literal(pattern)) }}{% endmacro %}
{% macro duckdb__matches(value, pattern) -%} regexp_matches({{ value }}, {{ pattern }}) {%- endmacro %}
{% macro spark__matches(value, pattern) -%} ({{ value }} rlike {{ pattern }}) {%- endmacro %}

{# A text without what a regular expression matches. #}
{% macro without(value, pattern) %}{{ adapter.dispatch('without')(value, pattern_literal(pattern)) }}{% endmacro %}
{% macro duckdb__without(value, pattern) -%} regexp_replace({{ value }}, {{ pattern }}, '', 'g') {%- endmacro %}
{% macro spark__without(value, pattern) -%} regexp_replace({{ value }}, {{ pattern }}, '') {%- endmacro %}

{# The first group of a regular expression, NULL where a text does not match it. #}
{% macro extracted(value, pattern) %}{{ adapter.dispatch('extracted')(value, pattern_literal(pattern)) }}{% endmacro %}
{% macro duckdb__extracted(value, pattern) -%} nullif(regexp_extract({{ value }}, {{ pattern }}, 1), '') {%- endmacro %}
{% macro spark__extracted(value, pattern) -%} nullif(regexp_extract({{ value }}, {{ pattern }}, 1), '') {%- endmacro %}

{# A regular expression as a literal that leaves it as it is. #}
{% macro pattern_literal(pattern) %}{{ adapter.dispatch('pattern_literal')(pattern) }}{% endmacro %}
{% macro duckdb__pattern_literal(pattern) -%} '{{ pattern | replace("'", "''") }}' {%- endmacro %}
{% macro spark__pattern_literal(pattern) -%} r'{{ pattern | replace("'", "\\x27") }}' {%- endmacro %}

{#
    A moment read by the first of some formats that fits, each of `dates` alone, or with each of `times` behind it (after a
    slash or a T) where there are any; NULL without formats. The formats are strptime's.
#}
{% macro by_formats(value, dates, times=[]) -%}
    {%- if dates -%}{{ adapter.dispatch('by_formats')(value, dates, times) }}{%- else -%} cast(null as timestamp) {%- endif -%}
{%- endmacro %}
{% macro duckdb__by_formats(value, dates, times) -%}
    {%- set formats = [] if times else dates -%}
    {%- for time in times -%}
        {%- for date in dates -%}
            {%- do formats.append(date ~ '/' ~ time) -%}
            {%- do formats.append(date ~ 'T' ~ time) -%}
        {%- endfor -%}
    {%- endfor -%}
    try_strptime({{ value }}, [{% for format in formats %}'{{ format }}'{{ ', ' if not loop.last }}{% endfor %}])
{%- endmacro %}
{% macro spark__by_formats(value, dates, times) -%}
    {%- set read = [] -%}
    {#- what stands behind a date is told by two patterns, for clocks of 24 and of 12 hours (var times_of_day) #}
    {%- set text = "regexp_replace(" ~ value ~ ", '([0-9])T([0-9])', '$1/$2')" if times else value -%}
    {%- set patterns = [] -%}
    {%- for format in dates -%}
        {%- set pattern = java_pattern(format) -%}
        {%- if pattern not in patterns -%}
            {%- do patterns.append(pattern) -%}
            {%- for time in (['/H:m[:s[/SSSSSSSSS]]', '/h:m[:s][/]a'] if times else ['']) -%}
                {%- set moment = 'cast(try_to_timestamp(' ~ text ~ ', "' ~ pattern ~ time ~ '") as timestamp_ntz)' -%}
                {#- of two digits the years 1969 to 2068, as strptime has them #}
                {%- do read.append(
                    moment if '%y' not in format
                    else 'case when year(' ~ moment ~ ') > 2068 then ' ~ moment ~ ' - interval 100 year else ' ~ moment ~ ' end'
                ) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    coalesce({{ read | join(', ') }})
{%- endmacro %}
{# A strptime format as a pattern of Java's DateTimeFormatter; a month's name in full or short. Other letters stand quoted. #}
{% macro java_pattern(format) -%}
    {%- set java = {
        'Y': 'yyyy', 'y': 'yy', 'm': 'M', 'd': 'd', 'b': '[MMMM][MMM]', 'B': '[MMMM][MMM]', 'H': 'H', 'M': 'm',
        'S': 's', 'f': 'SSSSSSSSS', 'I': 'h', 'p': 'a', '8': 'yyyyMMdd',
    } -%}
    {#- Java reads digits without a separator by the width of the letters #}
    {%- set ns = namespace(text='', is_directive=false) -%}
    {%- for letter in format | replace('%-', '%') | replace('%Y%m%d', '%8') -%}
        {%- if letter == '%' -%}
            {%- set ns.is_directive = true -%}
        {%- elif ns.is_directive -%}
            {%- set ns.text = ns.text ~ java[letter] -%}
            {%- set ns.is_directive = false -%}
        {%- else -%}
            {%- set ns.text = ns.text ~ ("'" ~ letter ~ "'" if letter.lower() != letter.upper() else letter) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(ns.text | replace("''", '')) }}
{%- endmacro %}

{# A date with one separator: points, hyphens and spaces, also unbreakable ones, written /, and no comma. #}
{% macro one_separator(value) -%} translate({{ value }}, '.- {{ "\u00a0\u202f" }},', '/////') {%- endmacro %}

{# Seconds (ten digits) or milliseconds (thirteen) since 1970 as UTC. #}
{% macro moment_of_epoch(value) %}{{ adapter.dispatch('moment_of_epoch')(value) }}{% endmacro %}
{% macro duckdb__moment_of_epoch(value) -%}
    make_timestamp(try_cast({{ value }} as bigint) * case when length({{ value }}) = 10 then 1000000 else 1000 end)
{%- endmacro %}
{% macro spark__moment_of_epoch(value) -%}
    cast(timestamp_micros(try_cast({{ value }} as bigint) * case when length({{ value }}) = 10 then 1000000 else 1000 end) as timestamp_ntz)
{%- endmacro %}

{# Days since 1899-12-30 with their fraction, to the second: a spreadsheet's number for a date. #}
{% macro moment_of_serial(value) %}{{ adapter.dispatch('moment_of_serial')(value) }}{% endmacro %}
{% macro duckdb__moment_of_serial(value) -%}
    make_timestamp(cast(round((try_cast({{ value }} as double) - 25569) * 86400) as bigint) * 1000000)
{%- endmacro %}
{% macro spark__moment_of_serial(value) -%}
    cast(timestamp_seconds(cast(round((try_cast({{ value }} as double) - 25569) * 86400) as bigint)) as timestamp_ntz)
{%- endmacro %}

{# A name without case, accents and runs of spaces; config/stages.py says the same in Python. #}
{% macro normalized(name) %}{{ adapter.dispatch('normalized')(name) }}{% endmacro %}
{% macro duckdb__normalized(name) -%}
    lower(strip_accents(trim(regexp_replace({{ name }}, '[\s\p{Z}]+', ' ', 'g'))))
{%- endmacro %}
{% macro spark__normalized(name) -%}
    {#- letters with accents and the same without, as Python knows them: every build on Spark has them in its environment -#}
    {%- set accented, plain = fromjson(env_var('DEALTRAIL_ACCENTS', '["", ""]')) -%}
    lower(translate(regexp_replace(trim(regexp_replace({{ name }}, r'[\s\p{Z}]+', ' ')), r'\p{M}+', ''), '{{ accented }}', '{{ plain }}'))
{%- endmacro %}

{# A CTE used more than once that is cheaper to read again than to keep. #}
{% macro not_materialized() %}{{ adapter.dispatch('not_materialized')() }}{% endmacro %}
{% macro duckdb__not_materialized() -%} not materialized {%- endmacro %}
{% macro spark__not_materialized() -%}{%- endmacro %}

{% macro ratio(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{# Of a star, all columns but these. #}
{% macro except_columns(columns) %}{{ adapter.dispatch('except_columns')(columns) }}{% endmacro %}
{% macro duckdb__except_columns(columns) -%} exclude ({{ columns | join(', ') }}) {%- endmacro %}
{% macro spark__except_columns(columns) -%} except ({{ columns | join(', ') }}) {%- endmacro %}

{# The last and the first value of a window that is not NULL. #}
{% macro last_filled(value) %}{{ adapter.dispatch('filled')('last_value', value) }}{% endmacro %}
{% macro first_filled(value) %}{{ adapter.dispatch('filled')('first_value', value) }}{% endmacro %}
{% macro duckdb__filled(end, value) -%} {{ end }}({{ value }} ignore nulls) {%- endmacro %}
{% macro spark__filled(end, value) -%} {{ end }}({{ value }}) ignore nulls {%- endmacro %}

{# Monday is 1. #}
{% macro day_of_week(day) %}{{ adapter.dispatch('day_of_week')(day) }}{% endmacro %}
{% macro duckdb__day_of_week(day) -%} extract(isodow from {{ day }}) {%- endmacro %}
{% macro spark__day_of_week(day) -%} (weekday({{ day }}) + 1) {%- endmacro %}

{# A UTC moment as 2026-01-31T02:00:00Z. #}
{% macro moment_as_text(moment) %}{{ adapter.dispatch('moment_as_text')(moment) }}{% endmacro %}
{% macro duckdb__moment_as_text(moment) -%} strftime({{ moment }}, '%Y-%m-%dT%H:%M:%SZ') {%- endmacro %}
{% macro spark__moment_as_text(moment) -%} date_format({{ moment }}, "yyyy-MM-dd'T'HH:mm:ss'Z'") {%- endmacro %}
