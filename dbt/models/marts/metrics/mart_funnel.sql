with months as (
    select
        month,
        is_complete_month
    from {{ ref('mart_monthly_metrics') }}
    where grain = 'all'
),

canonical as (
    select * from {{ ref('canonical_stages') }}
),

-- deals: by the furthest canonical stage they were ever in; a loss is no stage on the way
furthest as (
    select
        transitions.deal_key,
        max(canonical.canonical_order) as furthest_order
    from {{ ref('int_stage_transitions') }} as transitions
    inner join canonical
        on case when transitions.outcome = 'won' then 'won' else transitions.canonical_stage end
        = canonical.canonical_stage
    where
        transitions.is_counted
        and transitions.outcome != 'lost'
    group by transitions.deal_key
),

deals as (
    select
        {{ month_of('deals.created_on') }} as month,
        deals.source,
        deals.pipeline,
        furthest.furthest_order,
        count(*) as deals,
        count(case when deals.status = 'lost' then 1 end) as lost_deals
    from {{ ref('fct_deals') }} as deals
    left join furthest on deals.deal_key = furthest.deal_key
    where deals.status != 'deleted'
    group by
        {{ month_of('deals.created_on') }},
        deals.source,
        deals.pipeline,
        furthest.furthest_order
),

pipelines as (
    select
        source,
        pipeline
    from deals
    group by
        source,
        pipeline
),

deal_steps as (
    select
        months.month,
        months.is_complete_month,
        pipelines.source,
        pipelines.pipeline,
        canonical.canonical_stage as step,
        canonical.canonical_order as step_order,
        coalesce(sum(deals.deals), 0) as created,
        coalesce(sum(case when deals.furthest_order >= canonical.canonical_order then deals.deals end), 0) as reached,
        coalesce(sum(case when deals.furthest_order = canonical.canonical_order then deals.lost_deals end), 0)
            as dropped
    from months
    cross join pipelines
    cross join canonical
    left join deals
        on months.month = deals.month
        and pipelines.source = deals.source
        and pipelines.pipeline = deals.pipeline
    where canonical.canonical_stage not in ('post_sale', 'lost')
    group by
        months.month,
        months.is_complete_month,
        pipelines.source,
        pipelines.pipeline,
        canonical.canonical_stage,
        canonical.canonical_order
),

deal_funnel as (
    select
        *,
        lag(reached) over on_the_way as reached_previous,
        lead(reached) over on_the_way as reached_next
    from deal_steps
    window on_the_way as (partition by month, source, pipeline order by step_order)
),

-- leads: by the status they have, in the mapping's order
words as (
    select
        source,
        {{ normalized('word') }} as status_key,
        min(case when kind = 'lead_status' then position end) as position,
        min(case when kind = 'lead_status' then word end) as word,
        max(kind = 'converted_lead_status') as is_converted,
        max(kind = 'closed_lead_status') as is_closed
    from {{ ref('stg_config__feed_words') }}
    where kind in ('lead_status', 'converted_lead_status', 'closed_lead_status')
    group by
        source,
        {{ normalized('word') }}
),

leads as (
    select
        {{ month_of('leads.created_on') }} as month,
        leads.source,
        {{ normalized('leads.status') }} as status_key,
        leads.is_converted,
        leads.is_closed,
        min(leads.status) as status,
        count(*) as leads
    from {{ ref('fct_leads') }} as leads
    group by
        {{ month_of('leads.created_on') }},
        leads.source,
        {{ normalized('leads.status') }},
        leads.is_converted,
        leads.is_closed
),

met as (
    select
        source,
        status_key,
        min(status) as status
    from leads
    group by
        source,
        status_key
),

lead_sources as (
    select source
    from met
    group by source
),

statuses as (
    select
        words.source,
        words.status_key,
        words.word as step,
        words.position,
        words.is_converted,
        words.is_closed
    from words
    inner join lead_sources on words.source = lead_sources.source
    where words.position is not null

    union all

    -- met, but not in the mapping's list: last
    select
        met.source,
        met.status_key,
        met.status as step,
        cast(null as integer) as position,
        coalesce(words.is_converted, false) as is_converted,
        coalesce(words.is_closed, false) as is_closed
    from met
    left join words
        on met.source = words.source
        and met.status_key = words.status_key
    where
        met.status_key is not null
        and words.position is null
),

placed as (
    select
        *,
        row_number() over (
            partition by source
            order by case when position is null then 1 else 0 end, position, status_key
        ) as step_order,
        -- a status that ends a lead without conversion is off the way; of one that is not listed nobody knows
        position is not null and (is_converted or not is_closed) as is_on_the_way,
        position is not null and not is_converted and not is_closed as is_open
    from statuses
),

lead_statuses as (
    select
        *,
        is_open and step_order = min(case when is_open then step_order end) over (partition by source) as is_first
    from placed
),

lead_counts as (
    select
        leads.month,
        leads.source,
        steps.status_key,
        sum(
            case
                when leads.is_converted
                    then case
                        when steps.is_on_the_way then leads.leads
                        when own.status_key = steps.status_key and (own.is_converted or not own.is_closed)
                            then leads.leads
                    end
                when own.status_key = steps.status_key then leads.leads
                when leads.is_closed or own.position is null
                    then case when steps.is_first and own.status_key is not null then leads.leads end
                when steps.is_open and steps.step_order < own.step_order then leads.leads
            end
        ) as reached,
        sum(
            case
                when own.status_key = steps.status_key and leads.is_closed and not leads.is_converted
                    then leads.leads
            end
        ) as dropped,
        sum(leads.leads) as created,
        sum(case when leads.is_closed then leads.leads end) as ended
    from leads
    inner join lead_statuses as steps on leads.source = steps.source
    left join lead_statuses as own
        on leads.source = own.source
        and leads.status_key = own.status_key
    group by
        leads.month,
        leads.source,
        steps.status_key
),

lead_funnel as (
    select
        months.month,
        months.is_complete_month,
        steps.source,
        steps.step,
        steps.step_order,
        steps.is_on_the_way,
        coalesce(counts.created, 0) as created,
        coalesce(counts.reached, 0) as reached,
        coalesce(counts.dropped, 0) as dropped,
        coalesce(counts.ended, 0) as ended,
        lag(coalesce(counts.reached, 0)) over (
            partition by months.month, steps.source, steps.is_on_the_way
            order by steps.step_order
        ) as reached_previous
    from months
    cross join lead_statuses as steps
    left join lead_counts as counts
        on months.month = counts.month
        and steps.source = counts.source
        and steps.status_key = counts.status_key
),

steps as (
    select
        month,
        source,
        pipeline,
        'deals' as entity,
        step,
        step_order,
        is_complete_month,
        created,
        reached,
        {{ ratio('reached', 'reached_previous') }} as conversion_from_previous,
        case when step != 'won' then dropped end as dropped,
        case when step != 'won' then dropped + reached_next end as ended
    from deal_funnel

    union all

    select
        month,
        source,
        'default' as pipeline,
        'leads' as entity,
        step,
        step_order,
        is_complete_month,
        created,
        reached,
        case when is_on_the_way then {{ ratio('reached', 'reached_previous') }} end as conversion_from_previous,
        dropped,
        ended
    from lead_funnel
)

select
    month,
    source,
    pipeline,
    entity,
    step,
    cast(step_order as integer) as step_order,
    is_complete_month,
    cast(created as bigint) as created,
    cast(reached as bigint) as reached,
    conversion_from_previous,
    cast(dropped as bigint) as dropped,
    cast(ended as bigint) as ended,
    {{ ratio('dropped', 'ended') }} as drop_off_rate
from steps
