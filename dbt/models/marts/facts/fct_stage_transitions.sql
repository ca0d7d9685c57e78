select
    md5(
        concat_ws(
            '|',
            deal_key,
            cast(entered_at as string),
            coalesce(from_pipeline, ''),
            coalesce(from_stage, ''),
            pipeline,
            stage,
            cast(tie_number as string)
        )
    ) as transition_key,
    deal_key,
    source,
    pipeline,
    cast(transition_number as integer) as transition_number,
    from_stage,
    stage as to_stage,
    {{ pipeline_key('source', 'pipeline') }} as pipeline_key,
    {{ stage_key('source', 'from_pipeline', 'from_stage') }} as from_stage_key,
    {{ stage_key('source', 'pipeline', 'stage') }} as to_stage_key,
    from_canonical_stage,
    canonical_stage as to_canonical_stage,
    entered_at as transitioned_at,
    cast({{ seconds_between('from_entered_at', 'entered_at') }} as double) as seconds_in_from_stage,
    direction,
    cast(amount as decimal(18, 2)) as amount,
    case when owner_id is not null then concat_ws('', source, ':', owner_id) end as owner_key,
    evidence,
    is_counted
from {{ ref('int_stage_transitions') }}
