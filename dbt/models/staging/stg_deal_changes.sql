{{ config(materialized='table') }}
{% set fields = fields_of('deals') %}

with run as (
    select
        *,
        {{ to_utc('cast(history_starts_on as timestamp)', 'timezone') }} as history_starts_at
    from {{ ref('stg_config__run') }}
),

feeds as (
    select * from {{ ref('stg_config__feeds') }}
),

-- with a deal its log is flagged: its past stays what it was
deleted_deals as (
    select deal_key
    from {{ ref('stg_deals') }}
    where is_flagged_deleted
),

fields_that_lose as (
    select * from {{ ref('stg_config__feed_words') }}
    where kind = 'lost_when_set'
),

changes as (
    select
        change_rows.*,
        fields_that_lose.word is not null and change_rows.new_value is not null as means_lost,
        feeds.timezone as _timezone,
        feeds.currency as _source_currency,
        {%- set moments = logged_fields(['timestamp'], ['created_at']) %}
        case when change_rows.field in {{ moments }} then change_rows.new_value end as _moment_text,
        {%- if 'timestamp' in fields.values() %}
        case when change_rows.field in {{ moments }} then change_rows.old_value end as _old_moment_text,
        {%- endif %}
        {%- set days = logged_fields(['date'], ['expected_close_on']) %}
        case when change_rows.field in {{ days }} then change_rows.new_value end as _day_text,
        case when change_rows.field in {{ days }} then change_rows.old_value end as _old_day_text,
        run.timezone as _reporting_timezone,
        run.history_starts_on as _history_starts_on,
        run.history_starts_at as _history_starts_at
    from {{ ref('deal_changes_rows') }} as change_rows
    cross join run
    inner join feeds
        on change_rows.source = feeds.source
        and change_rows.feed = feeds.feed
    left join fields_that_lose
        on change_rows.source = fields_that_lose.source
        and change_rows.feed = fields_that_lose.feed
        and change_rows.field = fields_that_lose.word
    left join deleted_deals on concat_ws('', change_rows.source, ':', change_rows.deal_id) = deleted_deals.deal_key
    where
        change_rows.row_state = 'current'
        and change_rows.changed_at <= run.as_of
        and (change_rows.is_deleted is not true or deleted_deals.deal_key is not null)
),

offset_or_not as (
    select
        *,
        {{ has_offset('_moment_text') }} as _has_offset_new_moment,
        {%- if 'timestamp' in fields.values() %}
        {{ has_offset('_old_moment_text') }} as _has_offset_old_moment,
        {%- endif %}
        {{ has_offset('_day_text') }} as _has_offset_new_day,
        {{ has_offset('_old_day_text') }} as _has_offset_old_day
    from changes
),

written as (
    select
        *,
        {{ written_as('new_moment', '_moment_text', 'timestamp', '_reading_changed_dates') }},
        {%- if 'timestamp' in fields.values() %}
        {{ written_as('old_moment', '_old_moment_text', 'timestamp', '_reading_changed_dates') }},
        {%- endif %}
        {{ written_as('new_day', '_day_text', 'date', '_reading_changed_dates') }},
        {{ written_as('old_day', '_old_day_text', 'date', '_reading_changed_dates') }},
        -- what stands beside the digits of an amount, said once: each mention of it is a list of all currencies
        {%- for value in ['new', 'old'] %}
        case when field in {{ logged_fields(['amount'], ['amount']) }} and _reading_changed_amounts is not null
            then {{ word_before(value ~ '_value') }} end as _before_{{ value }},
        case when field in {{ logged_fields(['amount'], ['amount']) }} and _reading_changed_amounts is not null
            then {{ word_behind(value ~ '_value') }} end as _behind_{{ value }}{{ ',' if not loop.last }}
        {%- endfor %}
    from offset_or_not
),

named as (
    select
        *,
        {{ moment_of('new_moment', 'timestamp') }} as _moment_new_moment,
        {%- if 'timestamp' in fields.values() %}
        {{ moment_of('old_moment', 'timestamp') }} as _moment_old_moment,
        {%- endif %}
        {{ moment_of('new_day', 'date') }} as _moment_new_day,
        {{ moment_of('old_day', 'date') }} as _moment_old_day,
        {%- for value in ['new', 'old'] %}
        {{ currency_named('_before_' ~ value, '_behind_' ~ value, '_source_currency') }}
            as _named_{{ value }}{{ ',' if not loop.last }}
        {%- endfor %}
    from written
),

-- the new value as what the field is
read as (
    select
        *,
        _moment_new_moment as _new_moment,
        {%- if 'timestamp' in fields.values() %}
        _moment_old_moment as _old_moment,
        {%- endif %}
        {{ date_of('new_day') }} as _new_day,
        {{ date_of('old_day') }} as _old_day,
        {%- for value in ['new', 'old'] %}
        case
            when
                field = 'amount'
                and {{ can_mean('_before_' ~ value, '_named_' ~ value) }}
                and {{ can_mean('_behind_' ~ value, '_named_' ~ value) }}
                then {{ read_amount(value ~ '_value', '_reading_changed_amounts') }}
        end as {{ value }}_amount,
        case
            when field = 'currency' and {{ value }}_value is not null
                then coalesce({{ read_currency(value ~ '_value', '_source_currency') }}, {{ unreadable_currency() }})
            when field = 'amount' then _named_{{ value }}
        end as {{ value }}_currency
        {%- if 'amount' in fields.values() %},
        case
            when
                field in {{ logged_fields(['amount']) }}
                and {{ can_mean('_before_' ~ value, '_source_currency') }}
                and {{ can_mean('_behind_' ~ value, '_source_currency') }}
                then {{ read_amount(value ~ '_value', '_reading_changed_amounts') }}
        end as _{{ value }}_field_amount
        {%- endif %}
        {%- if 'number' in fields.values() %},
        case
            when field in {{ logged_fields(['number']) }}
                then {{ read_number(value ~ '_value', '_reading_changed_amounts') }}
        end as _{{ value }}_field_number
        {%- endif %}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from named
)

select
    -- keys
    concat_ws('', source, ':', deal_id) as deal_key,
    source,
    deal_id,
    -- the change
    field,
    old_value,
    new_value,
    value_kind,
    changed_at,
    means_lost,
    {{ not_before_history('_new_moment', 'timestamp') }} as new_moment,
    {{ not_before_history('_new_day', 'date') }} as new_day,
    {{ not_before_history('_old_day', 'date') }} as old_day,
    {%- for value in ['new', 'old'] %}
    {%- if fields %}
    case
        {%- for name, kind in fields.items() %}
        when field = '{{ name }}' then {{ logged_text(value, kind) }}
        {%- endfor %}
    end as {{ value }}_text,
    {%- else %}
    cast(null as string) as {{ value }}_text,
    {%- endif %}
    {%- endfor %}
    new_amount,
    old_amount,
    case when field = 'currency' or new_amount is not null then new_currency end as new_currency,
    case when field = 'currency' or old_amount is not null then old_currency end as old_currency,
    -- as delivered: the log's own order
    feed,
    extracted_at,
    file_id,
    file_position
from read
