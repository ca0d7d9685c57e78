{#
    Activities by each record that they name: `<key>` beside their own columns, also where one cell names several. Some come
    twice, which is no matter: the earliest and the latest are looked for.
#}
{% macro activities_of(entity, key) -%}
    select
        * {{ except_columns([key]) }},
        {{ key }}
    from {{ ref('fct_activities') }}

    union all

    select
        activities.* {{ except_columns([key]) }},
        links.record_key as {{ key }}
    from {{ ref('fct_activities') }} as activities
    inner join {{ ref('int_activity_links') }} as links on activities.activity_key = links.activity_key
    where links.entity = '{{ entity }}'
    {%- if entity == 'leads' %}

    union all

    select
        activities.* {{ except_columns([key]) }},
        contacts.record_key as {{ key }}
    from {{ ref('fct_activities') }} as activities
    inner join {{ ref('int_contact_activities') }} as contacts on activities.activity_key = contacts.activity_key
    {%- endif %}
{%- endmacro %}
