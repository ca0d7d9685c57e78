with entries as (
    select transitions.*
    from {{ ref('int_stage_transitions') }} as transitions
    inner join {{ ref('int_deals') }} as deals on transitions.deal_key = deals.deal_key
    where
        transitions.outcome = 'open'
        and transitions.is_counted
        -- a deal without any history gives no visits, a deleted one none that count
        and not transitions.is_current_shape
        and not deals.is_deleted
),

run as (
    select * from {{ ref('stg_config__run') }}
)

select
    md5(
        concat_ws(
            '|',
            entries.deal_key,
            cast(entries.entered_at as string),
            entries.pipeline,
            coalesce(entries.from_stage, ''),
            entries.stage,
            cast(entries.tie_number as string)
        )
    ) as visit_key,
    entries.deal_key,
    entries.source,
    entries.pipeline,
    entries.stage,
    {{ pipeline_key('entries.source', 'entries.pipeline') }} as pipeline_key,
    {{ stage_key('entries.source', 'entries.pipeline', 'entries.stage') }} as stage_key,
    entries.canonical_stage,
    entries.entered_at,
    {{ day_in('entries.entered_at', 'run.timezone') }} as entered_on,
    entries.next_entered_at as exited_at,
    cast(
        {{ days_between(
            day_in('entries.entered_at', 'run.timezone'),
            day_in('coalesce(entries.next_entered_at, run.as_of)', 'run.timezone')
        ) }} as double
    ) as days_in_stage,
    case
        when entries.next_direction is null then 'open'
        when entries.next_direction in ('advanced', 'skipped', 'won') then 'advanced'
        else entries.next_direction
    end as outcome
from entries
cross join run
