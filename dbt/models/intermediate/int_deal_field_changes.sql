{% set fields = fields_of('deals') -%}
-- Changes of a deal's amount, its currency, owner, expected close date and the fields that the configuration adds, each
-- deal and field by its best evidence (macros/evidence.sql), as for stages. Values as text.
with row_currencies as (
    -- sources whose rows have a column for it
    select distinct source
    from {{ ref('stg_config__delivered_columns') }}
    where
        entity = 'deals'
        and column_name = 'currency'
),

-- where neither the log nor the rows tell it, the cells of the log's amounts may name it
named_by_amounts as (
    select
        changes.deal_key,
        changes.source,
        changes.new_currency,
        changes.old_currency,
        changes.changed_at,
        changes.log_position,
        max(case when changes.field = 'currency' then 1 else 0 end) over (partition by changes.deal_key) = 1
            as is_told_itself,
        changes.field
    from {{ ref('int_deal_changes') }} as changes
    left join row_currencies on changes.source = row_currencies.source
    where
        row_currencies.source is null
        and changes.field in ('amount', 'currency')
),

logged as (
    select
        deal_key,
        source,
        case when field = 'owner_id' then 'owner' else field end as field,
        case field
            when 'amount' then cast(new_amount as string)
            when 'currency' then new_currency
            when 'expected_close_on' then cast(new_day as string)
            when 'owner_id' then concat_ws('', source, ':', new_value)
            else new_text
        end as value,
        case field
            when 'amount' then cast(old_amount as string)
            when 'currency' then old_currency
            when 'expected_close_on' then cast(old_day as string)
            when 'owner_id' then concat_ws('', source, ':', old_value)
            else old_text
        end as old_value,
        new_value is null as is_emptied,
        old_value is null as is_unknown_before,
        changed_at as told_at,
        log_position as shape_position
    from {{ ref('int_deal_changes') }}
    where field in {{ logged_fields(all_kinds(), ['amount', 'currency', 'owner_id', 'expected_close_on']) }}

    union all

    select
        deal_key,
        source,
        'currency' as field,
        new_currency as value,
        old_currency as old_value,
        false as is_emptied,
        old_currency is null as is_unknown_before,
        changed_at as told_at,
        log_position as shape_position
    from named_by_amounts
    where
        field = 'amount'
        and not is_told_itself
        and new_currency is not null
),

versions as (
    select
        deal_key,
        source,
        amount,
        currency,
        owner_id,
        expected_close_on,
        {%- for name in fields %}
        cast(null as string) as _field_{{ name }},
        {%- endfor %}
        entered_at as told_at,
        shape_position,
        'versioned' as evidence
    from {{ ref('int_versioned_stage_events') }}

    union all

    select
        deal_key,
        source,
        amount,
        currency,
        owner_id,
        expected_close_on,
        {%- for name, kind in fields.items() %}
        {{ field_word('fields', name, kind) }} as _field_{{ name }},
        {%- endfor %}
        extracted_at as told_at,
        row_number() over (partition by deal_key order by extracted_at, feed) as shape_position,
        'observed' as evidence
    from {{ ref('int_deal_extracts') }}
    where is_full
),

compared as (
    select
        *,
        row_number() over in_order as place,
        lag(amount) over in_order as amount_before,
        lag(currency) over in_order as currency_before,
        lag(owner_id) over in_order as owner_id_before,
        lag(expected_close_on) over in_order as expected_close_on_before
        {%- for name in fields %},
        lag(_field_{{ name }}) over in_order as _field_{{ name }}_before
        {%- endfor %}
    from versions
    window in_order as (partition by deal_key, evidence order by shape_position)
),

-- what each shape tells: its first word of a field, and every other one after that. What a log tells and nobody can
-- read is not known any more, instead of being what it was before.
words as (
    select
        deal_key,
        source,
        field,
        case when is_emptied then cast(null as string) else value end as value,
        case when is_unknown_before then cast(null as string) else old_value end as old_value,
        told_at,
        shape_position,
        'logged' as evidence
    from logged

    union all

    select
        deal_key,
        source,
        'amount' as field,
        cast(amount as string) as value,
        cast(null as string) as old_value,
        told_at,
        shape_position,
        evidence
    from compared
    where
        place = 1
        or amount is distinct from amount_before

    union all

    select
        deal_key,
        source,
        'currency' as field,
        currency as value,
        cast(null as string) as old_value,
        told_at,
        shape_position,
        evidence
    from compared
    where
        place = 1
        or currency is distinct from currency_before

    union all

    select
        deal_key,
        source,
        'owner' as field,
        case when owner_id is not null then concat_ws('', source, ':', owner_id) end as value,
        cast(null as string) as old_value,
        told_at,
        shape_position,
        evidence
    from compared
    where
        place = 1
        or owner_id is distinct from owner_id_before

    union all

    select
        deal_key,
        source,
        'expected_close_on' as field,
        cast(expected_close_on as string) as value,
        cast(null as string) as old_value,
        told_at,
        shape_position,
        evidence
    from compared
    where
        place = 1
        or expected_close_on is distinct from expected_close_on_before
    {%- for name in fields %}

    union all

    select
        deal_key,
        source,
        '{{ name }}' as field,
        _field_{{ name }} as value,
        cast(null as string) as old_value,
        told_at,
        shape_position,
        evidence
    from compared
    where
        place = 1
        or _field_{{ name }} is distinct from _field_{{ name }}_before
    {%- endfor %}
),

-- a shape that never has a value for a field tells nothing of it
best as (
    {{ by_best_evidence(
        'words',
        subject=['deal_key', 'field'],
        at='told_at',
        number='word_number',
        before=['value'],
        tells="evidence = 'logged' or count(value) > 0"
    ) }}
),

changes as (
    select
        deal_key,
        source,
        field,
        case when word_number = 1 then old_value else value_before end as old_value,
        value as new_value,
        told_at as changed_at,
        word_number,
        evidence
    from best
    where
        (word_number > 1 and value is distinct from value_before)
        -- a log that reports a change without what was there before
        or (word_number = 1 and evidence = 'logged' and value is distinct from old_value)
),

last_words as (
    select
        deal_key,
        source,
        field,
        max_by(value, word_number) filter (where value is not null) as last_filled,
        max(word_number) as word_number,
        max(case when value is not null then word_number else 0 end) as last_filled_number,
        max(told_at) as told_at
    from best
    group by
        deal_key,
        source,
        field
),

delivered as (
    select
        source,
        case column_name
            when 'close_on' then 'expected_close_on'
            else column_name
        end as field
    from {{ ref('stg_config__delivered_columns') }}
    where
        entity = 'deals'
        and column_name in {{ logged_fields(all_kinds(), ['amount', 'expected_close_on', 'close_on']) }}
    group by
        source,
        case column_name
            when 'close_on' then 'expected_close_on'
            else column_name
        end

    union

    -- rows without a column of it may name it in the cells of their amounts
    select
        source,
        'currency' as field
    from {{ ref('deals_rows') }}
    where currency is not null
),

-- the newest row, where it is newer than the last word and says something else; not for owners, whom an export may
-- name where the log has their ids
shown as (
    select
        words.deal_key,
        words.source,
        words.field,
        case when words.last_filled_number = words.word_number then words.last_filled end as old_value,
        case words.field
            when 'amount' then cast(states.amount as string)
            when 'currency' then states.currency
            {%- for name, kind in fields.items() %}
            when '{{ name }}' then {{ field_word('states.fields', name, kind) }}
            {%- endfor %}
            else cast(states.expected_close_on as string)
        end as new_value,
        states.extracted_at as changed_at,
        words.word_number + 1 as word_number,
        'observed' as evidence
    from last_words as words
    inner join {{ ref('int_deal_states') }} as states on words.deal_key = states.deal_key
    inner join delivered
        on words.source = delivered.source
        and words.field = delivered.field
    where
        states.extracted_at >= words.told_at
        -- the close date of a closed deal is no expectation any more, where the CRM has one date for both
        and (words.field != 'expected_close_on' or states.outcome = 'open')
)

select
    deal_key,
    source,
    field,
    old_value,
    new_value,
    changed_at,
    word_number,
    evidence
from changes

union all

select
    deal_key,
    source,
    field,
    old_value,
    new_value,
    changed_at,
    word_number,
    evidence
from shown
where old_value is distinct from new_value
