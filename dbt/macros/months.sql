{# The first day of a day's month. #}
{% macro month_of(day) -%} cast(date_trunc('month', {{ day }}) as date) {%- endmacro %}

{# Months since year 0: the difference of two is the number of month-ends between them. #}
{% macro month_number(day) -%} cast(extract(year from {{ day }}) * 12 + extract(month from {{ day }}) as integer) {%- endmacro %}

{# How many months later than that of `earlier` the month of `later` is. #}
{% macro months_between(earlier, later) -%} {{ month_number(later) }} - {{ month_number(earlier) }} {%- endmacro %}
