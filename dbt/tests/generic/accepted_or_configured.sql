{# `accepted_values`, and what the configuration adds: the `fields` of deals, or the `grains` among them. #}
{% test accepted_or_configured(model, column_name, values, configured) %}
    {%- set known = values + (grain_fields() if configured == 'grains' else fields_of('deals').keys() | list) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} not in ({% for value in known %}'{{ value }}'{{ ', ' if not loop.last }}{% endfor %})
{% endtest %}
