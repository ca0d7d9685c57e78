with dated as (
    select
        transitions.*,
        deals.amount as last_amount,
        deals.reporting_rate,
        {{ day_in('transitions.from_entered_at', 'run.timezone') }} as from_entered_on,
        {{ day_in('transitions.entered_at', 'run.timezone') }} as entered_on
    from {{ ref('int_stage_transitions') }} as transitions
    inner join {{ ref('fct_deals') }} as deals on transitions.deal_key = deals.deal_key
    cross join {{ ref('stg_config__run') }} as run
    where
        transitions.is_counted
        and deals.status != 'deleted'
),

amounts as (
    select * from {{ ref('int_amount_stretches') }}
),

transitions as (
    select
        dated.source,
        dated.pipeline,
        dated.deal_key,
        dated.from_stage,
        dated.stage as to_stage,
        dated.direction,
        coalesce(dated.from_pipeline = dated.pipeline, true) as is_within_pipeline,
        {{ month_of('dated.entered_on') }} as month,
        {{ days_between('dated.from_entered_on', 'dated.entered_on') }} as days_in_from_stage,
        {{ amount_reporting_in('amounts', 'dated.last_amount', 'dated.reporting_rate') }} as amount_reporting,
        case when dated.direction != 'created' then dated.direction in ('advanced', 'skipped', 'won') end as is_forward,
        dated.direction not in ('skipped', 'regressed', 'reopened') as is_on_path
    from dated
    left join amounts
        on dated.deal_key = amounts.deal_key
        and dated.entered_on >= amounts.from_on
        and dated.entered_on < amounts.until_on
),

flows as (
    select
        month,
        source,
        pipeline,
        from_stage,
        to_stage,
        count(distinct deal_key) as deals,
        count(*) as transitions,
        count(case when not is_within_pipeline then 1 end) as from_other_pipelines,
        sum(amount_reporting) as amount,
        {{ median('days_in_from_stage') }} as days_median,
        -- a stage of another pipeline may share the name: the pipeline's own order says what the step is
        coalesce(
            max(case when is_within_pipeline then is_forward end),
            max(is_forward)
        ) as is_forward,
        coalesce(
            max(case when is_within_pipeline then is_on_path end),
            max(is_on_path)
        ) as is_on_path
    from transitions
    group by
        month,
        source,
        pipeline,
        from_stage,
        to_stage
)

select
    month,
    source,
    pipeline,
    from_stage,
    to_stage,
    deals,
    transitions,
    from_other_pipelines,
    cast(coalesce(amount, 0) as decimal(18, 2)) as amount,
    cast(days_median as double) as days_median,
    is_forward,
    is_on_path,
    {{ ratio('transitions', 'sum(transitions) over (partition by month, source, pipeline, from_stage)') }}
        as share_of_from_stage
from flows
