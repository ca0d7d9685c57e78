{# The first day of a day's month. #}
{% macro month_of(day) -%} cast(date_trunc('month', {{ day }}) as date) {%- endmacro %}

{# Months since year 0: the difference of two is the number of month-ends between them. #}
{% macro month_number(day) -%} cast(extract(year from {{ day }}) * 12 + extract(month from {{ day }}) as integer) {%- endmacro %}

{# How many months later than that of `earlier` the month of `later` is. #}
{% macro months_between(earlier, later) -%} {{ month_number(later) }} - {{ month_number(earlier) }} {%- endmacro %}

{# What a number from 1 on is called. #}
{% macro named(number, names) -%}
    case {{ number }}
        {%- for name in names %}
        when {{ loop.index }} then '{{ name }}'
        {%- endfor %}
    end
{%- endmacro %}

{# Where a month stands in its fiscal quarter: 0, 1 or 2. `month` is its number since year 0. #}
{% macro month_of_quarter(month, fiscal_year_starts) -%} mod({{ month }} - {{ fiscal_year_starts }} + 12, 3) {%- endmacro %}

{# The first day of a day's fiscal quarter. #}
{% macro fiscal_quarter_of(day, fiscal_year_starts) -%}
    {{ add_months(
        "date_trunc('month', " ~ day ~ ")",
        '-1 * (' ~ month_of_quarter(month_number(day), fiscal_year_starts) ~ ')'
    ) }}
{%- endmacro %}

{# A fiscal year is named by the calendar year it ends in. #}
{% macro fiscal_year_of(day, fiscal_year_starts) -%}
    cast(
        extract(year from {{ day }})
        + case when {{ fiscal_year_starts }} > 1 and extract(month from {{ day }}) >= {{ fiscal_year_starts }} then 1 else 0 end
        as integer
    )
{%- endmacro %}

{# Which quarter of its fiscal year a day lies in: 1 to 4. #}
{% macro fiscal_quarter_number(day, fiscal_year_starts) -%}
    cast(floor(mod(extract(month from {{ day }}) - {{ fiscal_year_starts }} + 12, 12) / 3) + 1 as integer)
{%- endmacro %}
