-- Here and not in the marts: the first of its reasons are the rules that a deal breaks, known after the checks.
{{ config(schema='marts') }}

{%- set rules_worst_first = [
    'inactive_owner', 'missing_owner', 'past_close_date', 'stuck_in_stage', 'stale_deal', 'pushed_too_often',
    'no_next_activity', 'missing_close_date', 'missing_amount', 'negative_amount', 'amount_outlier'
] %}
{#- what is like a rule and asks for less is said where the rule is not broken #}
{%- set facts_worst_first = ['older_than_p90', 'older_than_p75', 'pushed'] %}
{%- set rules_like_facts = {
    'older_than_p90': 'stuck_in_stage', 'older_than_p75': 'stuck_in_stage', 'pushed': 'pushed_too_often'
} %}
with run as (
    select * from {{ ref('stg_config__run') }}
),

open_visits as (
    select
        deal_key,
        days_in_stage
    from {{ ref('fct_stage_visits') }}
    where exited_at is null
),

deals as (
    select
        deals.deal_key,
        deals.source,
        deals.pipeline,
        deals.stage,
        deals.owner_key,
        deals.amount_reporting,
        deals.expected_close_on,
        deals.close_date_pushes,
        deals.next_activity_at,
        run.as_of_date,
        {{ days_between(day_in('deals.last_touch_at', 'run.timezone'), 'run.as_of_date') }} as days_since_touch,
        open_visits.days_in_stage,
        history.days_in_stage_km_median,
        history.days_in_stage_km_p75,
        history.days_in_stage_km_p90,
        coalesce(states.win_probability, stages.win_probability) as win_probability
    from {{ ref('fct_deals') }} as deals
    cross join run
    left join {{ ref('int_deals') }} as states on deals.deal_key = states.deal_key
    left join open_visits on deals.deal_key = open_visits.deal_key
    left join {{ ref('mart_time_in_stage') }} as history
        on deals.source = history.source
        and deals.pipeline = history.pipeline
        and deals.stage = history.stage
    left join {{ ref('dim_stages') }} as stages
        on deals.source = stages.source
        and deals.pipeline = stages.pipeline
        and deals.stage = stages.stage
    where deals.status = 'open'
),

broken as (
    select
        record_key as deal_key,
        rule as reason,
        message as said,
        100 * case severity when 'critical' then 1 when 'warning' then 2 else 3 end
        + case rule
            {%- for rule in rules_worst_first %}
            when '{{ rule }}' then {{ loop.index }}
            {%- endfor %}
            else {{ rules_worst_first | length + 1 }}
        end as badness
    from {{ ref('hygiene_violations') }}
    where
        entity = 'deals'
        and resolved_on is null
),

facts as (
    select
        deal_key,
        case when days_in_stage > days_in_stage_km_p90 then 'older_than_p90' else 'older_than_p75' end as reason,
        concat_ws(
            '',
            'in stage ', stage, ' for ', cast(cast(days_in_stage as integer) as string), ' days; ',
            case when days_in_stage > days_in_stage_km_p90 then 'nine in ten' else 'three in four' end,
            ' have left it by day ',
            cast(
                cast(
                    case
                        when days_in_stage > days_in_stage_km_p90 then days_in_stage_km_p90
                        else days_in_stage_km_p75
                    end as integer
                ) as string
            )
        ) as said
    from deals
    where days_in_stage > days_in_stage_km_p75

    union all

    select
        deal_key,
        'pushed' as reason,
        case
            when close_date_pushes = 1 then 'its expected close date was moved later once'
            else concat_ws('', 'its expected close date was moved later ', cast(close_date_pushes as string), ' times')
        end as said
    from deals
    where close_date_pushes > 0
),

reasons as (
    select
        deal_key,
        reason,
        said,
        badness
    from broken

    union all

    select
        facts.deal_key,
        facts.reason,
        facts.said,
        400 + case facts.reason
            {%- for fact in facts_worst_first %}
            when '{{ fact }}' then {{ loop.index }}
            {%- endfor %}
        end as badness
    from facts
    left join broken
        on facts.deal_key = broken.deal_key
        and case facts.reason
            {%- for fact, rule in rules_like_facts.items() %}
            when '{{ fact }}' then '{{ rule }}'
            {%- endfor %}
        end = broken.reason
    where broken.deal_key is null
),

placed as (
    select
        *,
        row_number() over (partition by deal_key order by badness, reason) as place
    from reasons
),

told as (
    select
        deal_key,
        count(*) as reason_count,
        {{ listed('reason', 'place') }} as reason_ids,
        {{ listed('said', 'place', '; ') }} as reasons
    from placed
    group by deal_key
)

select
    deals.deal_key,
    deals.source,
    deals.pipeline,
    deals.stage,
    deals.owner_key,
    deals.as_of_date as as_of_on,
    deals.amount_reporting,
    deals.expected_close_on,
    -- odds, ours and the CRM's as one; sums of doubles come in another order every night
    {%- for column, odds in {
        'p_won_this_month': 'combined_won_this_month',
        'p_won_next_month': 'combined_won_next_month',
        'p_won_this_quarter': 'combined_won_this_quarter',
        'p_won': 'combined_won_ever',
        'p_lost_this_month': 'combined_lost_this_month',
        'p_lost_next_month': 'combined_lost_next_month',
        'p_lost_this_quarter': 'combined_lost_this_quarter',
        'p_lost': 'combined_lost_ever',
        'p_open_after_this_month': 'combined_open_this_month',
        'p_open_after_next_month': 'combined_open_next_month',
        'p_open_after_this_quarter': 'combined_open_this_quarter',
        'p_open': 'combined_open_ever',
    }.items() %}
    cast(round(odds.{{ odds }}, 12) as double) as {{ column }},
    {%- endfor %}
    -- past its expected close it has slipped, whatever else is known of it
    case
        when deals.expected_close_on < deals.as_of_date then 1.0
        when deals.expected_close_on is not null then cast(round(odds.slip_probability, 12) as double)
    end as slip_probability,
    -- what they are made of
    cast(round(odds.our_won_ever, 12) as double) as our_p_won,
    cast(deals.win_probability as double) as crm_probability,
    cast(odds.our_weight as double) as our_weight,
    case odds.level
        {%- for level in forecast_levels() %}
        when {{ loop.index }} then '{{ level | join(", ") if level else "pipeline" }}'
        {%- endfor %}
    end as compared_by,
    odds.followed as compared_deals,
    -- time
    deals.days_in_stage,
    deals.days_in_stage_km_median as stage_median_days,
    deals.days_in_stage_km_p75 as stage_p75_days,
    deals.days_in_stage_km_p90 as stage_p90_days,
    cast(deals.days_since_touch as integer) as days_since_touch,
    deals.close_date_pushes,
    deals.next_activity_at,
    -- what to look at
    told.reasons,
    told.reason_ids,
    cast(coalesce(told.reason_count, 0) as integer) as reason_count
from deals
left join {{ ref('int_deal_odds') }} as odds on deals.deal_key = odds.deal_key
left join told on deals.deal_key = told.deal_key
