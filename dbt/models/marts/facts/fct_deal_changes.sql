with transitions as (
    select * from {{ ref('int_stage_transitions') }}
),

changes as (
    -- the first stage of a deal is a change only where a log reports it
    select
        deal_key,
        source,
        'stage' as field,
        from_stage as old_value,
        stage as new_value,
        entered_at as changed_at,
        transition_number as word_number,
        evidence
    from transitions
    where
        from_stage != stage
        or (from_stage is null and evidence = 'logged')

    union all

    select
        deal_key,
        source,
        'pipeline' as field,
        from_pipeline as old_value,
        pipeline as new_value,
        entered_at as changed_at,
        transition_number as word_number,
        evidence
    from transitions
    where from_pipeline != pipeline

    union all

    select
        deal_key,
        source,
        'status' as field,
        from_outcome as old_value,
        outcome as new_value,
        entered_at as changed_at,
        transition_number as word_number,
        evidence
    from transitions
    where from_outcome != outcome

    union all

    -- a log whose first word is the close: until then the deal was open, in a stage nobody knows
    select
        transitions.deal_key,
        transitions.source,
        'status' as field,
        case when transitions.entered_at > deals.entered_pipeline_at then 'open' end as old_value,
        transitions.outcome as new_value,
        transitions.entered_at as changed_at,
        transitions.transition_number as word_number,
        transitions.evidence
    from transitions
    inner join {{ ref('int_deals') }} as deals on transitions.deal_key = deals.deal_key
    where
        transitions.from_outcome is null
        and transitions.outcome != 'open'
        and transitions.evidence = 'logged'

    union all

    select
        deal_key,
        source,
        field,
        old_value,
        new_value,
        changed_at,
        word_number,
        evidence
    from {{ ref('int_deal_field_changes') }}
    where field != 'currency'
)

select
    deal_key,
    source,
    field,
    cast(row_number() over (partition by deal_key, field order by word_number) as integer) as change_number,
    old_value,
    new_value,
    changed_at,
    evidence
from changes
