{# Everything that engines say differently, one idea per macro. #}

{# A moment in a timezone (no offset in the value) as UTC. #}
{% macro to_utc(moment, timezone) %}{{ adapter.dispatch('to_utc')(moment, timezone) }}{% endmacro %}
{% macro duckdb__to_utc(moment, timezone) -%}
    case when {{ timezone }} = 'UTC' then {{ moment }} else timezone('UTC', timezone({{ timezone }}, {{ moment }})) end
{%- endmacro %}
{% macro default__to_utc(moment, timezone) -%} to_utc_timestamp({{ moment }}, {{ timezone }}) {%- endmacro %}

{# Text with an offset as UTC. A cast to a plain timestamp would drop the offset without a word (DuckDB 1.5). #}
{% macro utc_of_offset(value) %}{{ adapter.dispatch('utc_of_offset')(value) }}{% endmacro %}
{% macro duckdb__utc_of_offset(value) -%} timezone('UTC', try_cast({{ value }} as timestamptz)) {%- endmacro %}
{% macro default__utc_of_offset(value) -%} to_utc_timestamp(try_cast({{ value }} as timestamp), current_timezone()) {%- endmacro %}

{# The day of a UTC moment in a timezone. #}
{% macro day_in(moment, timezone) %}{{ adapter.dispatch('day_in')(moment, timezone) }}{% endmacro %}
{% macro duckdb__day_in(moment, timezone) -%}
    cast(case when {{ timezone }} = 'UTC' then {{ moment }} else timezone({{ timezone }}, timezone('UTC', {{ moment }})) end as date)
{%- endmacro %}
{% macro default__day_in(moment, timezone) -%} cast(from_utc_timestamp({{ moment }}, {{ timezone }}) as date) {%- endmacro %}

{% macro seconds_between(earlier, later) %}{{ adapter.dispatch('seconds_between')(earlier, later) }}{% endmacro %}
{% macro duckdb__seconds_between(earlier, later) -%} (epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1e6 {%- endmacro %}
{% macro default__seconds_between(earlier, later) -%} (unix_micros({{ later }}) - unix_micros({{ earlier }})) / 1e6 {%- endmacro %}

{# Whole days from one date to another. #}
{% macro days_between(earlier, later) %}{{ adapter.dispatch('days_between')(earlier, later) }}{% endmacro %}
{% macro duckdb__days_between(earlier, later) -%} date_diff('day', {{ earlier }}, {{ later }}) {%- endmacro %}
{% macro default__days_between(earlier, later) -%} datediff({{ later }}, {{ earlier }}) {%- endmacro %}

{% macro add_months(day, months) %}{{ adapter.dispatch('add_months')(day, months) }}{% endmacro %}
{% macro duckdb__add_months(day, months) -%} cast({{ day }} + interval ({{ months }}) month as date) {%- endmacro %}
{% macro default__add_months(day, months) -%} add_months({{ day }}, {{ months }}) {%- endmacro %}

{# One row per number from 0 to `last`. #}
{% macro numbers_to(last) %}{{ adapter.dispatch('numbers_to')(last) }}{% endmacro %}
{% macro duckdb__numbers_to(last) -%} unnest(range(cast({{ last }} as bigint) + 1)) {%- endmacro %}
{% macro default__numbers_to(last) -%} explode(sequence(0, cast({{ last }} as int))) {%- endmacro %}

{# One row per part of a text. #}
{% macro parts_of(text, separator) %}{{ adapter.dispatch('parts_of')(text, separator) }}{% endmacro %}
{% macro duckdb__parts_of(text, separator) -%} unnest(string_split({{ text }}, {{ separator }})) {%- endmacro %}
{% macro default__parts_of(text, separator) -%} explode(split({{ text }}, {{ separator }})) {%- endmacro %}

{# Exact median, interpolated between the middle two. #}
{% macro median(value) %}{{ adapter.dispatch('median')(value) }}{% endmacro %}
{% macro duckdb__median(value) -%} median({{ value }}) {%- endmacro %}
{% macro default__median(value) -%} percentile({{ value }}, 0.5) {%- endmacro %}

{# A name without case, accents and runs of spaces; config/stages.py says the same in Python. #}
{% macro normalized(name) %}{{ adapter.dispatch('normalized')(name) }}{% endmacro %}
{% macro duckdb__normalized(name) -%}
    lower(strip_accents(trim(regexp_replace({{ name }}, '\s+', ' ', 'g'))))
{%- endmacro %}
{% macro default__normalized(name) -%}
    lower(trim(regexp_replace({{ name }}, '\\s+', ' ')))
{%- endmacro %}

{# A CTE used more than once that is cheaper to read again than to keep. #}
{% macro not_materialized() %}{{ adapter.dispatch('not_materialized')() }}{% endmacro %}
{% macro duckdb__not_materialized() -%} not materialized {%- endmacro %}
{% macro default__not_materialized() -%}{%- endmacro %}

{% macro ratio(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}
