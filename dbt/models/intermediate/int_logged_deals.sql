{% set fields = [
    'deal_name', 'owner_id', 'account_id', 'currency', 'lead_source', 'lost_reason', 'status',
] %}

-- What a change log alone says of a deal: the last value of each field, and when the deal was created.
with changes as (
    select
        *,
        row_number() over (
            partition by deal_key
            order by changed_at, extracted_at, file_id, file_position
        ) as position
    from {{ ref('stg_deal_changes') }}
)

select
    deal_key,
    min(source) as source,
    min(deal_id) as deal_id,
    min(extracted_at) as first_delivered_at,
    max(extracted_at) as extracted_at,
    min(changed_at) as first_change_at,
    max(changed_at) as last_change_at,
    -- created twice in one log: the earliest counts
    min(case when field = 'created_at' then coalesce(new_moment, changed_at) end) as created_at,
    {{ last_word('new_amount', 'amount') }} as amount,
    {{ last_word('new_day', 'expected_close_on') }} as expected_close_on,
    {% for field in fields -%}
    {{ last_word('new_value', field) }} as {{ field }}{{ ',' if not loop.last }}
    {% endfor %}
from changes
group by deal_key
