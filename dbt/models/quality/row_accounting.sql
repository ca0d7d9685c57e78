with staged as (
    {%- for entity in entities() %}
    select
        file_id,
        source,
        feed,
        row_state
    from {{ ref(entity ~ '_rows') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

states as (
    select
        source,
        feed,
        file_id,
        count(case when row_state = 'current' then 1 end) as current_rows,
        count(case when row_state = 'superseded' then 1 end) as superseded,
        count(case when row_state = 'quarantined' then 1 end) as quarantined
    from staged
    group by
        source,
        feed,
        file_id
),

counted as (
    select
        files.source,
        files.feed,
        files.entity,
        files.file,
        files.extracted_at,
        files.rows_in_file,
        files.rows_rejected,
        files.rows_loaded,
        files.rows_forgotten,
        coalesce(states.current_rows, 0) as current_rows,
        coalesce(states.superseded, 0) as superseded,
        coalesce(states.quarantined, 0) as quarantined
    from {{ ref('stg_lake__files') }} as files
    left join states
        on files.source = states.source
        and files.feed = states.feed
        and files.file_id = states.file_id
    where files.state = 'loaded'
)

select
    *,
    abs(rows_in_file - rows_rejected - rows_loaded - rows_forgotten)
    + abs(rows_loaded - current_rows - superseded - quarantined) as balance
from counted
