-- Deals whose closed past was changed once the month they were closed in was over: by what a log or versions tell, to
-- the second; by extracts only where an extract of a later month still showed the deal closed as it was.
{% set fields = ['status', 'closed_on', 'amount', 'owner', 'pipeline'] %}

with run as (
    select * from {{ ref('stg_config__run') }}
),

-- from each won or lost to what came next
outcomes as (
    select
        deal_key,
        outcome,
        entered_at as closed_at,
        lead(entered_at) over (partition by deal_key order by transition_number) as left_at
    from {{ ref('int_stage_transitions') }}
    where
        from_outcome is null
        or from_outcome != outcome
),

told as (
    select
        changes.deal_key,
        changes.field,
        {{ day_in('changes.changed_at', 'run.timezone') }} as rewritten_on,
        {{ day_in('outcomes.closed_at', 'run.timezone') }} as closed_on
    from {{ ref('fct_deal_changes') }} as changes
    cross join run
    inner join outcomes
        on changes.deal_key = outcomes.deal_key
        and changes.changed_at > outcomes.closed_at
        and (outcomes.left_at is null or changes.changed_at <= outcomes.left_at)
    where
        outcomes.outcome in ('won', 'lost')
        and changes.evidence in ('logged', 'versioned')
        and changes.field in ('status', 'amount', 'owner', 'pipeline')
),

deliveries as (
    select
        source,
        feed,
        extracted_at,
        lag(extracted_at) over (partition by source, feed order by extracted_at) as delivered_before
    from (
        select distinct
            source,
            feed,
            extracted_at
        from {{ ref('stg_lake__files') }}
        where
            entity = 'deals'
            and state = 'loaded'
    ) as moments
),

shown as (
    select
        extracts.deal_key,
        extracts.source,
        extracts.feed,
        extracts.extracted_at,
        extracts.outcome as status,
        coalesce({{ day_in('extracts.given_closed_at', 'run.timezone') }}, extracts.given_close_on) as closed_on,
        concat_ws(' ', cast(extracts.amount as string), extracts.currency) as amount,
        extracts.owner_id as owner,
        extracts.pipeline
    from {{ ref('int_deal_extracts') }} as extracts
    cross join run
),

compared as (
    select
        *,
        lag(extracted_at) over in_order as extracted_at_before
        {%- for field in fields %},
        lag({{ field }}) over in_order as {{ field }}_before
        {%- endfor %}
    from shown
    window in_order as (partition by deal_key, feed order by extracted_at)
),

seen as (
    select
        compared.*,
        {{ day_in('compared.extracted_at', 'run.timezone') }} as rewritten_on,
        {{ day_in('deliveries.delivered_before', 'run.timezone') }} as stood_on,
        coalesce(compared.closed_on_before, {{ day_in('compared.extracted_at_before', 'run.timezone') }})
            as was_closed_on
    from compared
    cross join run
    inner join deliveries
        on compared.source = deliveries.source
        and compared.feed = deliveries.feed
        and compared.extracted_at = deliveries.extracted_at
    where compared.status_before in ('won', 'lost')
),

rewrites as (
    select
        deal_key,
        field,
        rewritten_on,
        closed_on
    from told
    where {{ month_of('rewritten_on') }} > {{ month_of('closed_on') }}
    {%- for field in fields %}

    union all

    select
        deal_key,
        '{{ field }}' as field,
        rewritten_on,
        was_closed_on as closed_on
    from seen
    where
        {{ month_of('stood_on') }} > {{ month_of('was_closed_on') }}
        {%- if field == 'closed_on' %}
        and status = status_before
        and closed_on != closed_on_before
        {%- else %}
        and {{ field }} is distinct from {{ field }}_before
        {%- endif %}
    {%- endfor %}
)

select
    deal_key,
    min(closed_on) as closed_on,
    max(rewritten_on) as rewritten_on,
    concat_ws(
        ', '
        {%- for field in fields %},
        max(case when field = '{{ field }}' then '{{ field }}' end)
        {%- endfor %}
    ) as rewritten_fields
from rewrites
group by deal_key
