with transitions as (
    select
        transitions.source,
        transitions.pipeline,
        transitions.deal_key,
        transitions.from_stage,
        transitions.stage as to_stage,
        transitions.direction,
        coalesce(transitions.from_pipeline = transitions.pipeline, true) as is_within_pipeline,
        cast(date_trunc('month', {{ day_in('transitions.entered_at', 'run.timezone') }}) as date) as month,
        {{ days_between(
            day_in('transitions.from_entered_at', 'run.timezone'),
            day_in('transitions.entered_at', 'run.timezone')
        ) }} as days_in_from_stage,
        cast(round(transitions.amount * deals.reporting_rate, 2) as decimal(18, 2)) as amount_reporting,
        case
            when transitions.direction != 'created' then transitions.direction in ('advanced', 'skipped', 'won')
        end as is_forward,
        transitions.direction not in ('skipped', 'regressed', 'reopened') as is_on_path
    from {{ ref('int_stage_transitions') }} as transitions
    inner join {{ ref('fct_deals') }} as deals on transitions.deal_key = deals.deal_key
    cross join {{ source('config', 'run') }} as run
    where
        transitions.is_counted
        and deals.status != 'deleted'
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
