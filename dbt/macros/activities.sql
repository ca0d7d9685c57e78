{# Activities by each record that they name: `<key>` beside their own columns, also where one cell names several. #}
{% macro activities_of(entity, key) -%}
    select * from {{ ref('fct_activities') }}
    where {{ key }} is not null

    union all by name

    select activities.* replace (links.record_key as {{ key }})
    from {{ ref('fct_activities') }} as activities
    inner join {{ ref('int_activity_links') }} as links on activities.activity_key = links.activity_key
    where
        links.entity = '{{ entity }}'
        and links.record_key != activities.{{ key }}
    {%- if entity == 'leads' %}

    union all by name

    select activities.* replace (contacts.record_key as {{ key }})
    from {{ ref('fct_activities') }} as activities
    inner join {{ ref('int_contact_activities') }} as contacts on activities.activity_key = contacts.activity_key
    where contacts.record_key != activities.{{ key }}
    {%- endif %}
{%- endmacro %}
