-- The union of the shapes that tell history, each deal by its best witness: it supplies everything from its first
-- word on, the next best what came before. A further shape is one more part of `told`.
with told as (
    select
        deal_key,
        source,
        deal_id,
        pipeline,
        stage,
        entered_at,
        shape_position,
        amount,
        owner_id,
        lost_reason,
        left_pipeline,
        left_stage,
        1 as witness,
        'logged' as evidence
    from {{ ref('int_logged_stage_events') }}

    union all

    select
        deal_key,
        source,
        deal_id,
        pipeline,
        stage,
        entered_at,
        shape_position,
        amount,
        owner_id,
        cast(null as varchar) as lost_reason,
        left_pipeline,
        left_stage,
        2 as witness,
        'versioned' as evidence
    from {{ ref('int_versioned_stage_events') }}

    union all

    select
        deal_key,
        source,
        deal_id,
        pipeline,
        stage,
        entered_at,
        shape_position,
        cast(null as decimal(18, 2)) as amount,
        cast(null as varchar) as owner_id,
        cast(null as varchar) as lost_reason,
        cast(null as varchar) as left_pipeline,
        cast(null as varchar) as left_stage,
        3 as witness,
        'dated' as evidence
    from {{ ref('int_dated_stage_events') }}

    union all

    select
        deal_key,
        source,
        deal_id,
        pipeline,
        stage,
        entered_at,
        shape_position,
        amount,
        owner_id,
        lost_reason,
        left_pipeline,
        left_stage,
        4 as witness,
        'observed' as evidence
    from {{ ref('int_observed_stage_events') }}
),

first_words as (
    select
        deal_key,
        witness,
        min(entered_at) as first_word_at
    from told
    group by
        deal_key,
        witness
),

-- from when on a better witness than this one speaks
silenced as (
    select
        deal_key,
        witness,
        min(first_word_at) over (
            partition by deal_key
            order by witness
            rows between unbounded preceding and 1 preceding
        ) as better_witness_from
    from first_words
),

heard as (
    select
        told.*,
        row_number() over in_order as event_number,
        lag(told.stage) over in_order as stage_before,
        lag(told.pipeline) over in_order as pipeline_before,
        count(*) over (partition by told.deal_key) as events
    from told
    inner join silenced
        on told.deal_key = silenced.deal_key
        and told.witness = silenced.witness
    where
        silenced.better_witness_from is null
        or told.entered_at < silenced.better_witness_from
    -- what a better witness tells comes after all that is heard of the others
    window
        in_order as (
            partition by told.deal_key
            order by told.witness desc, told.shape_position
        )
)

select
    * exclude (events),
    -- a change to the stage a deal is already in is no transition
    coalesce(stage_before, '') != stage or coalesce(pipeline_before, '') != pipeline as is_change
from heard
-- a deal that stands in the first full extract, and of which nothing else is ever heard, is told by its row alone
where
    events > 1
    or evidence != 'observed'
    or left_stage is null
