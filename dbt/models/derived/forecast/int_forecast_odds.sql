-- The odds of deals that are alike at a forecast date, month by month: of those that are still open by then, the finest
-- comparison with enough deals says what share is won and lost in the month (Aalen-Johansen). Each month's share is of
-- what the months before have left, so won, lost and open are 1 at every month, whichever comparison speaks.
with kinds as (
    select
        subjects.series,
        subjects.forecast_month_number,
        subjects.source,
        subjects.pipeline,
        coalesce(subjects.stage, '') as stage,
        subjects.close_bucket,
        subjects.age_band,
        false as is_base
    from {{ ref('int_forecast_subjects') }} as subjects
    cross join {{ ref('stg_config__run') }} as run
    where
        subjects.series = 'month_end'
        or subjects.forecast_on = run.as_of_date
    group by all
),

-- beside them what is said of any deal of the pipeline: the base rate
with_base as (
    select * from kinds

    union all

    select
        series,
        forecast_month_number,
        source,
        pipeline,
        'any' as stage,
        'any' as close_bucket,
        'any' as age_band,
        true as is_base
    from kinds
    group by
        series,
        forecast_month_number,
        source,
        pipeline
),

candidates as (
    {%- for level in forecast_levels() %}
    select
        with_base.*,
        past.step,
        past.level,
        past.followed,
        past.at_risk,
        past.won,
        past.lost
    from with_base
    inner join {{ ref('int_forecast_probabilities') }} as past
        on with_base.series = past.series
        and with_base.forecast_month_number = past.forecast_month_number
        and with_base.source = past.source
        and with_base.pipeline = past.pipeline
        and past.level = {{ loop.index }}
        {%- for column in level %}
        and with_base.{{ column }} = past.{{ column }}
        {%- endfor %}
    where
        {%- if loop.last %}
        past.followed >= 1
        {%- else %}
        -- where none is left open, nothing is told of one that is
        not with_base.is_base
        and past.followed >= {{ forecast_min_followed() }}
        and past.at_risk > 0
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

placed as (
    select
        *,
        row_number() over (
            partition by series, forecast_month_number, source, pipeline, stage, close_bucket, age_band, is_base, step
            order by level
        ) as place
    from candidates
),

increments as (
    select
        *,
        {{ survival('won + lost', 'at_risk', 'before') }} * coalesce({{ ratio('won', 'at_risk') }}, 0)
            as won_probability,
        {{ survival('won + lost', 'at_risk', 'before') }} * coalesce({{ ratio('lost', 'at_risk') }}, 0)
            as lost_probability
    from placed
    where place = 1
    window before as (
        partition by series, forecast_month_number, source, pipeline, stage, close_bucket, age_band, is_base
        order by step
        rows between unbounded preceding and 1 preceding
    )
)

select
    series,
    forecast_month_number,
    source,
    pipeline,
    stage,
    close_bucket,
    age_band,
    is_base,
    step,
    level,
    followed,
    won_probability,
    lost_probability,
    sum(won_probability) over so_far as won_by_then,
    sum(lost_probability) over so_far as lost_by_then
from increments
window so_far as (
    partition by series, forecast_month_number, source, pipeline, stage, close_bucket, age_band, is_base
    order by step
    rows between unbounded preceding and current row
)
