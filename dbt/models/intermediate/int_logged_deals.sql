{% set columns = [
    'deal_name', 'owner_id', 'account_id', 'lead_source', 'lost_reason', 'status',
] %}
{% set texts = {} %}
{% for name in fields_of('deals') %}{% do texts.update({name: last_word('new_text', name)}) %}{% endfor %}

-- What a change log alone says of a deal: the last value of each field, and when the deal was created.
with changes as (
    select
        *,
        log_position as position,
        field = 'status' and coalesce(lower(new_value) = 'deleted', false) as is_deletion
    from {{ ref('int_deal_changes') }}
),

with_other_status as (
    select
        *,
        max(case when field = 'status' and not is_deletion then position else 0 end)
            over (partition by deal_key) as last_other_status
    from changes
)

select
    deal_key,
    min(source) as source,
    min(deal_id) as deal_id,
    min(extracted_at) as first_delivered_at,
    max(extracted_at) as extracted_at,
    min(changed_at) as first_change_at,
    -- since when it is called deleted without a break
    min(case when is_deletion and position > last_other_status then changed_at end) as deleted_at,
    max(field = 'stage') as tells_stages,
    -- created twice in one log: the earliest counts
    min(case when field = 'created_at' then coalesce(new_moment, changed_at) end) as created_at,
    {{ last_word('new_amount', 'amount') }} as amount,
    max_by(new_currency, position) filter (where field = 'amount' and new_currency is not null) as amount_currency,
    {{ last_word('new_currency', 'currency') }} as currency,
    {{ last_word('new_day', 'expected_close_on') }} as expected_close_on,
    {% for column in columns -%}
    {{ last_word('new_value', column) }} as {{ column }},
    {% endfor -%}
    {{ texts_as_json(fields_of('deals'), texts) }} as fields
from with_other_status
group by deal_key
