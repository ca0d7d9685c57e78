with run as (
    select * from {{ ref('stg_config__run') }}
),

-- what had become of them by the end of each horizon, where that is over
subjects as (
    select
        series,
        forecast_on,
        forecast_month_number,
        source,
        pipeline,
        stage,
        close_bucket,
        age_band,
        crm_probability,
        expected_step,
        outcome,
        exit_step,
        count(*) as deals
    from {{ ref('int_forecast_subjects') }}
    where series = 'month_end'
    group by all
),

followed as (
    select
        subjects.forecast_on as cut_on,
        odds.horizon_number,
        odds.horizon,
        subjects.deals,
        odds.our_won,
        odds.crm_won,
        odds.combined_won,
        odds.base_won,
        -- no decimals: to Spark their quotient is a decimal too, of six places
        case
            when subjects.outcome != 'won' then 0
            when odds.horizon = 'next_month' and subjects.exit_step < odds.to_step then 0
            when subjects.exit_step > odds.to_step then 0
            when subjects.outcome = 'won' then 1
            else 0
        end as came
    from subjects
    cross join run
    inner join {{ ref('int_outlook_odds') }} as odds
        on subjects.series = odds.series
        and subjects.forecast_month_number = odds.forecast_month_number
        and subjects.source = odds.source
        and subjects.pipeline = odds.pipeline
        and coalesce(subjects.stage, '') = coalesce(odds.stage, '')
        and subjects.close_bucket = odds.close_bucket
        and subjects.age_band = odds.age_band
        and coalesce(subjects.crm_probability, -1) = coalesce(odds.crm_probability, -1)
        and coalesce(subjects.expected_step, -1) = coalesce(odds.expected_step, -1)
    where
        case
            -- of what is still open, or was deleted, nobody knows how it ends; young cuts have only what ended soon
            when odds.horizon = 'ever'
                then subjects.outcome in ('won', 'lost')
                    and subjects.forecast_month_number + {{ outlook_ever_judged_after() }}
                    < {{ month_number('run.as_of_date') }}
                    and subjects.forecast_month_number + subjects.exit_step < {{ month_number('run.as_of_date') }}
            else subjects.forecast_month_number + odds.to_step < {{ month_number('run.as_of_date') }}
                and (coalesce(subjects.outcome, '') != 'deleted' or subjects.exit_step > odds.to_step)
        end
),

judged as (
    {%- for odds, column in outlook_kinds_of_odds().items() %}
    select
        cut_on,
        horizon_number,
        horizon,
        {{ loop.index }} as odds_number,
        '{{ odds }}' as odds,
        deals,
        {{ column }} as predicted,
        combined_won,
        base_won,
        came
    from followed
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- a billionth is no difference: what is exactly on a bound falls into the upper bin whatever the order of adding up
binned as (
    select
        *,
        cast(least(floor(round(predicted, 9) * 10), 9) as integer) + 1 as bin
    from judged
),

scored as (
    select
        cut_on,
        horizon,
        odds,
        bin,
        sum(deals) as deals,
        sum(deals * predicted) / sum(deals) as predicted_mean,
        sum(deals * came) / sum(deals) as observed_rate,
        sum(deals * (predicted - came) * (predicted - came)) / sum(deals) as brier,
        sum(deals * (combined_won - came) * (combined_won - came)) / sum(deals) as combined_brier,
        sum(deals * (base_won - came) * (base_won - came)) / sum(deals) as base_brier
    from binned
    group by
        cut_on,
        horizon,
        odds,
        bin
)

select
    cut_on,
    horizon,
    odds,
    bin,
    cast(deals as bigint) as deals,
    cast({{ without_trifle('predicted_mean') }} as double) as predicted_mean,
    cast(observed_rate as double) as observed_rate,
    {{ without_trifle(wilson_bound('observed_rate', 'deals', 'lower')) }} as observed_low,
    {{ wilson_bound('observed_rate', 'deals', 'upper') }} as observed_high,
    cast({{ without_trifle('brier') }} as double) as brier,
    cast({{ without_trifle('combined_brier') }} as double) as combined_brier,
    cast({{ without_trifle('base_brier') }} as double) as base_brier,
    case
        when abs(base_brier) >= 1e-12
            then cast({{ without_trifle('(1 - brier / base_brier)') }} as double)
    end as skill
from scored
