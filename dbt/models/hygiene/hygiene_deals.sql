-- One row per deal, deleted ones included, with everything its rules compare (expectations/deals.yml).
with deals as (
    select * from {{ ref('fct_deals') }}
),

run as (
    select * from {{ ref('stg_config__run') }}
),

-- how far apart the amounts of a pipeline usually are, in logarithms: of the median and of the deviations from it
logarithms as (
    select
        deal_key,
        source,
        pipeline,
        ln(amount_reporting) as log_amount
    from deals
    where
        status != 'deleted'
        and amount_reporting > 0
),

medians as (
    select
        source,
        pipeline,
        count(*) as amounts_compared,
        {{ median('log_amount') }} as median_log_amount
    from logarithms
    group by
        source,
        pipeline
),

spreads as (
    select
        logarithms.source,
        logarithms.pipeline,
        min(medians.amounts_compared) as amounts_compared,
        min(medians.median_log_amount) as median_log_amount,
        -- 1.4826 times the median deviation is the standard deviation, were they normally distributed
        1.4826 * {{ median('abs(logarithms.log_amount - medians.median_log_amount)') }} as log_amount_deviation
    from logarithms
    inner join medians
        on logarithms.source = medians.source
        and logarithms.pipeline = medians.pipeline
    group by
        logarithms.source,
        logarithms.pipeline
),

-- open deals that look the same, each with the oldest of them
alike as (
    select
        deal_key,
        first_value(deal_key) over (
            partition by source, account_key, deal_name, amount, currency
            order by created_at, deal_key
        ) as oldest_deal_key
    from deals
    where
        status = 'open'
        and account_key is not null
        and deal_name is not null
        and amount is not null
),

-- where the newest row says something else than the history's own last word (int_stage_events: observed_after)
rows_after_history as (
    select
        events.deal_key,
        events.source,
        events.pipeline,
        events.stage,
        events.event_number - 1 as last_told_number
    from {{ ref('int_stage_events') }} as events
    left join {{ ref('int_history_events') }} as history
        on events.deal_key = history.deal_key
        and events.event_number = history.event_number
    where
        events.evidence = 'observed'
        and history.deal_key is null
),

-- the newest good delivery of what tells history
history_delivered as (
    select
        source,
        case entity when 'deal_changes' then 'logged' else 'versioned' end as evidence,
        max(extracted_at) as extracted_at
    from {{ ref('stg_lake__files') }}
    where
        entity in ('deal_changes', 'deal_versions')
        and state = 'loaded'
    group by
        source,
        entity
),

-- a spreadsheet with dates for some stages says nothing against a deal that stands in another
dated_stages as (
    select distinct
        source,
        pipeline,
        stage
    from {{ ref('int_history_events') }}
    where evidence = 'dated'
),

disagreements as (
    select
        history.deal_key,
        history.stage as last_told_stage
    from rows_after_history
    inner join {{ ref('int_history_events') }} as history
        on rows_after_history.deal_key = history.deal_key
        and rows_after_history.last_told_number = history.event_number
    inner join {{ ref('int_deals') }} as deal_rows on history.deal_key = deal_rows.deal_key
    inner join {{ ref('int_deal_outcomes') }} as outcomes on history.deal_key = outcomes.deal_key
    left join history_delivered
        on deal_rows.source = history_delivered.source
        and history.evidence = history_delivered.evidence
    left join dated_stages
        on rows_after_history.source = dated_stages.source
        and rows_after_history.pipeline = dated_stages.pipeline
        and rows_after_history.stage = dated_stages.stage
    where
        -- dates of stages stand in the row itself; extracts compared are the row itself
        (
            (history.evidence = 'dated' and dated_stages.stage is not null)
            or history_delivered.extracted_at >= deal_rows.extracted_at
        )
        -- after a first close that stands nothing is looked at
        and (not outcomes.first_close_stands or outcomes.standing_close_evidence = 'observed')
),

-- how many of an owner's there are, of late
rewritten as (
    select
        rewritten.deal_key,
        rewritten.closed_on,
        rewritten.rewritten_on,
        rewritten.rewritten_fields,
        {{ days_between('rewritten.rewritten_on', 'run.as_of_date') }} as days_since_rewrite,
        count(
            case
                when
                    deals.status != 'deleted'
                    and {{ days_between('rewritten.rewritten_on', 'run.as_of_date') }} <= run.rewritten_within_days
                    then 1
            end
        ) over (partition by deals.source, deals.owner_key) as rewritten_deals_of_owner
    from {{ ref('int_rewritten_deals') }} as rewritten
    cross join run
    inner join deals on rewritten.deal_key = deals.deal_key
),

open_visits as (
    select
        deal_key,
        cast(days_in_stage as integer) as days_in_stage
    from {{ ref('fct_stage_visits') }}
    where exited_at is null
),

delivered as (
    select
        source,
        max(entity in ('deals', 'deal_changes') and column_name = 'deal_name') as has_deal_name,
        max(
            (entity = 'deals' and column_name = 'lead_id')
            or (entity = 'leads' and column_name = 'converted_deal_id')
        ) as has_lead,
        max(entity in ('deals', 'deal_changes', 'leads') and column_name = 'lead_source') as has_lead_source,
        max(entity = 'accounts' and column_name = 'segment') as has_segment
        {%- for name in fields_of('deals') %},
        max(entity in ('deals', 'deal_changes') and column_name = '{{ name }}') as has_{{ name }}
        {%- endfor %}
    from {{ ref('stg_config__delivered_columns') }}
    group by source
)

select
    deals.deal_key as record_key,
    deals.source,
    deals.pipeline,
    deals.owner_key,
    deals.deal_name,
    deals.status,
    deals.stage,
    run.as_of,
    run.as_of_date,
    -- who and what for
    {{ owner_state('deals.owner_key', 'owners') }} as owner_state,
    deals.account_key,
    coalesce(limits.required_fields, run.required_fields) as required_fields,
    concat_ws(
        ', '
        {%- for field, value in other_required_fields().items() %},
        case when {{ requires(field) }} and delivered.has_{{ field }} then '{{ field }}' end
        {%- endfor %}
    ) as other_required_fields,
    concat_ws(
        ', '
        {%- for field, value in other_required_fields().items() %},
        case when {{ requires(field) }} and delivered.has_{{ field }} and {{ value }} is null then '{{ field }}' end
        {%- endfor %}
    ) as missing_required_fields,
    alike.oldest_deal_key,
    -- how much
    deals.amount,
    deals.currency,
    coalesce(deals.currency, 'a currency that cannot be read') as currency_said,
    deals.amount_reporting,
    run.max_rate_age_days,
    logarithms.log_amount,
    spreads.amounts_compared,
    spreads.median_log_amount,
    spreads.log_amount_deviation,
    coalesce(pipelines.max_amount_deviations, run.max_amount_deviations) as max_amount_deviations,
    -- when
    deals.created_at,
    deals.created_on,
    deals.created_at_is_estimated,
    deals.expected_close_on,
    deals.close_date_pushes,
    coalesce(limits.max_close_date_pushes, pipelines.max_close_date_pushes, run.max_close_date_pushes)
        as max_close_date_pushes,
    deals.closed_on,
    -- the CRM's own moment, where it gives one and the day is that one
    case
        when {{ day_in('deal_rows.given_closed_at', 'run.timezone') }} = deals.closed_on then deal_rows.given_closed_at
    end as given_closed_at,
    case when not leads.created_at_is_estimated then leads.created_on end as lead_created_on,
    {{ day_in('deals.deleted_at', 'run.timezone') }} as deleted_on,
    deals.merged_into_deal_key,
    deals.lost_reason,
    -- how long it has lain
    {{ days_between(day_in('deals.last_touch_at', 'run.timezone'), 'run.as_of_date') }} as days_since_touch,
    coalesce(
        limits.stale_after_days,
        -- in no known stage: its pipeline's, else that of all
        case when pipelines.pipeline is null then run.stale_after_days else pipelines.stale_after_days end,
        {{ days_without_history()['stale_after_days'] }}
    ) as stale_after_days,
    open_visits.days_in_stage,
    limits.max_days_in_stage,
    deals.next_activity_at,
    -- where it stands
    -- Won and Lost are there without being configured
    coalesce(stages.is_configured or stages.stage in ('Won', 'Lost'), deals.stage is null) as stage_is_configured,
    disagreements.last_told_stage,
    -- what became of its closed past
    rewritten.closed_on as closed_before_rewrite_on,
    rewritten.rewritten_on,
    rewritten.rewritten_fields,
    rewritten.days_since_rewrite,
    run.rewritten_within_days,
    rewritten.rewritten_deals_of_owner,
    run.max_rewritten_deals
from deals
cross join run
left join {{ ref('int_deals') }} as deal_rows on deals.deal_key = deal_rows.deal_key
left join {{ ref('dim_stages') }} as stages
    on deals.source = stages.source
    and deals.pipeline = stages.pipeline
    and deals.stage = stages.stage
left join {{ ref('int_stage_limits') }} as limits
    on deals.source = limits.source
    and deals.pipeline = limits.pipeline
    and deals.stage = limits.stage
left join {{ ref('stg_config__pipelines') }} as pipelines
    on deals.source = pipelines.source
    and deals.pipeline = pipelines.pipeline
left join {{ ref('int_known_owners') }} as owners on deals.owner_key = owners.owner_key
left join {{ ref('fct_leads') }} as leads on deals.lead_key = leads.lead_key
left join logarithms on deals.deal_key = logarithms.deal_key
left join spreads
    on deals.source = spreads.source
    and deals.pipeline = spreads.pipeline
left join alike on deals.deal_key = alike.deal_key
left join open_visits on deals.deal_key = open_visits.deal_key
left join disagreements on deals.deal_key = disagreements.deal_key
left join delivered on deals.source = delivered.source
left join rewritten on deals.deal_key = rewritten.deal_key
