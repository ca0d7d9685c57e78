{# The last value of a field, none where that word emptied it (`max_by` passes over NULL). What cannot be read is no word. #}
{% macro last_word(value, field) -%}
    case
        when
            max(position) filter (where field = '{{ field }}' and {{ value }} is not null)
            > coalesce(max(position) filter (where field = '{{ field }}' and new_value is null), 0)
            then max_by({{ value }}, position) filter (where field = '{{ field }}')
    end
{%- endmacro %}
