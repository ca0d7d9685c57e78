-- Every record that an activity names, also where one cell names several, or where it lies on the contact that a lead
-- became. What it names in its own columns comes first: of a million activities nearly all.
with own as (
    {%- for entity, key in {'deals': 'deal_key', 'leads': 'lead_key', 'accounts': 'account_key'}.items() %}
    select
        activity_key,
        source,
        '{{ entity }}' as entity,
        {{ key }} as record_key
    from {{ ref('fct_activities') }}
    where {{ key }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

further as (
    select
        activity_key,
        source,
        entity,
        record_key
    from {{ ref('int_activity_links') }}

    union

    select
        contacts.activity_key,
        activities.source,
        'leads' as entity,
        contacts.record_key
    from {{ ref('int_contact_activities') }} as contacts
    inner join {{ ref('fct_activities') }} as activities on contacts.activity_key = activities.activity_key
)

select
    activity_key,
    source,
    entity,
    record_key
from own

union all

select
    further.activity_key,
    further.source,
    further.entity,
    further.record_key
from further
left join own
    on further.activity_key = own.activity_key
    and further.entity = own.entity
    and further.record_key = own.record_key
where own.activity_key is null
