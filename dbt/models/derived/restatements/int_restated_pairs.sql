-- What the last publication and this one count of a record, where it is not the same. Without a publication: no row.
-- A record that was computed again with the configuration of then has two rows: up to there, and from there on.
{% set columns = ['status', 'created_month', 'closed_month', 'pipeline_value', 'owner_key', 'segment', 'lead_source',
    'grain_fields',
    'amount_reporting', 'is_qualified', 'is_first_win', 'sales_cycle_days', 'is_converted', 'response_hours',
    'is_answered_within_sla', 'is_unanswered', 'rows_without_rate'] %}
{% set shown = ['created_on', 'closed_on', 'amount', 'currency', 'account_key'] %}

with last_night as (
    select * from {{ ref('stg_published__night') }}
),

build as (
    select * from {{ ref('stg_config__build') }}
),

run as (
    select * from {{ ref('stg_config__run') }}
),

{% set sides = {
    'before': ref('stg_published__records'),
    'now': ref('int_metric_records'),
    'rebuilt': ref('stg_rebuilt__records'),
} -%}
{% for side, relation in sides.items() -%}
said_{{ side }} as {{ not_materialized() }} (
    select
        *,
        {{ month_of('created_on') }} as created_month,
        case when entity = 'deals' then {{ month_of('closed_on') }} end as closed_month
    from {{ relation }}
),

-- deleted deals are in no metric, and of a deal only what has come to pass
counted_{{ side }} as {{ not_materialized() }} (
    select
        entity,
        record_key,
        source,
        created_on,
        closed_on,
        amount,
        currency,
        account_key,
        created_month,
        closed_month,
        pipeline_value,
        owner_key,
        segment,
        lead_source,
        grain_fields,
        case when entity = 'deals' then status end as status,
        case when entity = 'spend' or status = 'won' then amount_reporting end as amount_reporting,
        case when status in ('won', 'lost') then coalesce(is_qualified, false) end as is_qualified,
        case when entity = 'deals' then coalesce(is_first_win, false) end as is_first_win,
        sales_cycle_days,
        is_converted,
        response_hours,
        is_answered_within_sla,
        is_unanswered,
        rows_without_rate
    from said_{{ side }}
    where (entity != 'deals' or status != 'deleted'){{ ' and is_known' if side == 'rebuilt' }}
),

{% endfor -%}
rebuilt as {{ not_materialized() }} (
    select
        entity,
        record_key,
        source,
        status,
        is_merged
    from {{ ref('stg_rebuilt__records') }}
),

-- what is counted of the rows of now with the configuration of then, where that was computed
counted_between as {{ not_materialized() }} (
    select counted_now.*
    from counted_now
    left join rebuilt
        on counted_now.entity = rebuilt.entity
        and counted_now.record_key = rebuilt.record_key
    where rebuilt.record_key is null

    union all

    select * from counted_rebuilt
),

rebuilt_now as {{ not_materialized() }} (
    select counted_now.*
    from counted_now
    inner join rebuilt
        on counted_now.entity = rebuilt.entity
        and counted_now.record_key = rebuilt.record_key
),

paired as (
    {%- for one, other in [('counted_before', 'counted_between'), ('counted_rebuilt', 'rebuilt_now')] %}
    select
        coalesce(told.entity, counted.entity) as entity,
        coalesce(told.record_key, counted.record_key) as record_key,
        coalesce(told.source, counted.source) as source,
        told.record_key is not null as was_counted,
        counted.record_key is not null as is_counted,
        {{ 'false' if loop.first else 'true' }} as is_configuration_alone,
        {%- for column in columns + shown %}
        told.{{ column }} as {{ column }}_before,
        counted.{{ column }} as {{ column }}_now{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ one }} as told
    full outer join {{ other }} as counted
        on told.entity = counted.entity
        and told.record_key = counted.record_key
    where
        told.record_key is null
        or counted.record_key is null
        {%- for column in columns %}
        or told.{{ column }} is distinct from counted.{{ column }}
        {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    paired.*,
    substr(paired.record_key, length(paired.source) + 2) as record_id,
    coalesce(gone_before.status = 'deleted', false) as was_deleted,
    coalesce(coalesce(rebuilt.status, deals.status) = 'deleted', false) as is_deleted,
    coalesce(rebuilt.is_merged, deals.merged_into_deal_key is not null) as is_merged,
    last_night.as_of as published_as_of,
    last_night.seen_on as published_on,
    last_night.currency != run.currency and rebuilt.record_key is null as has_other_currency,
    last_night.configuration != build.configuration and rebuilt.record_key is null as is_configured_anew,
    last_night.software != build.software as is_built_anew
from last_night
cross join build
cross join run
cross join paired
left join {{ ref('stg_published__records') }} as gone_before
    on paired.entity = 'deals'
    and not paired.was_counted
    and gone_before.entity = 'deals'
    and paired.record_key = gone_before.record_key
left join {{ ref('fct_deals') }} as deals
    on paired.entity = 'deals'
    and paired.record_key = deals.deal_key
left join rebuilt
    on paired.entity = rebuilt.entity
    and paired.record_key = rebuilt.record_key
