-- Per forecast date, pipeline and month after it: what the deals open on that day were expected to bring, and what they
-- brought.
with run as (
    select * from {{ ref('stg_config__run') }}
),

-- what a deal of which no amount was known is taken to be worth: the mean of what was won by then
won_by_month as (
    select
        source,
        pipeline,
        {{ month_number('closed_on') }} as month_number,
        count(closing_amount) as deals,
        sum(closing_amount) as amount
    from {{ ref('int_open_spells') }}
    where outcome = 'won'
    group by
        source,
        pipeline,
        {{ month_number('closed_on') }}
),

won_so_far as (
    select
        source,
        pipeline,
        month_number as from_month_number,
        coalesce(lead(month_number) over in_order, 999999) as until_month_number,
        {{ ratio('sum(amount) over in_order', 'sum(deals) over in_order') }} as mean_amount
    from won_by_month
    window in_order as (partition by source, pipeline order by month_number)
),

subjects as (
    select
        subjects.*,
        coalesce(cast(subjects.amount as double), won_so_far.mean_amount, 0) as value
    from {{ ref('int_forecast_subjects') }} as subjects
    cross join run
    left join won_so_far
        on subjects.source = won_so_far.source
        and subjects.pipeline = won_so_far.pipeline
        and subjects.forecast_month_number >= won_so_far.from_month_number
        and subjects.forecast_month_number < won_so_far.until_month_number
    where
        subjects.series = 'month_end'
        or subjects.forecast_on = run.as_of_date
),

steps as (
    select {{ numbers_to(forecast_horizon_months()) }} as step
),

-- every date from a pipeline's first on
first_dates as (
    select
        source,
        pipeline,
        min(forecast_on) as first_forecast_on
    from {{ ref('int_forecast_subjects') }}
    group by
        source,
        pipeline
),

forecast_dates as (
    select
        series,
        forecast_on,
        {{ month_number('forecast_on') }} as forecast_month_number
    from ({{ forecast_month_ends() }}) as month_ends

    union all

    select
        'as_of' as series,
        as_of_date as forecast_on,
        {{ month_number('as_of_date') }} as forecast_month_number
    from run
),

spine as (
    select
        forecast_dates.series,
        forecast_dates.forecast_on,
        forecast_dates.forecast_month_number,
        first_dates.source,
        first_dates.pipeline,
        steps.step
    from forecast_dates
    inner join first_dates on forecast_dates.forecast_on >= first_dates.first_forecast_on
    cross join steps
    where
        forecast_dates.series = 'as_of'
        or steps.step > 0
),

-- deals of one kind have odds, and errors of them, in common
alike as (
    select
        subjects.series,
        subjects.forecast_on,
        subjects.forecast_month_number,
        subjects.source,
        subjects.pipeline,
        subjects.stage,
        subjects.close_bucket,
        subjects.age_band,
        subjects.crm_probability,
        subjects.expected_step,
        count(*) as deals,
        sum(subjects.value) as value,
        sum(subjects.value * subjects.value) as squared_value
    from subjects
    group by all
),

with_odds as (
    select
        alike.*,
        odds.step,
        odds.followed,
        {{ combined_odds(
            'odds.won_probability',
            crm_odds_within('alike', 'odds.step', 'odds.step'),
            'weights.our_weight'
        ) }} as won_probability
    from alike
    inner join {{ ref('int_forecast_odds') }} as odds
        on {{ same_odds('alike', 'odds') }}
    inner join {{ ref('int_forecast_weights') }} as weights
        on alike.series = weights.series
        and alike.forecast_month_number = weights.forecast_month_number
        and alike.source = weights.source
    where odds.step <= {{ forecast_horizon_months() }}
),

chances as (
    select
        *,
        -- never quite 0 or 1 after so few deals (Jeffreys)
        (won_probability * followed + 0.5) / (followed + 1) as cautious_probability
    from with_odds
),

expected as (
    select
        series,
        forecast_on,
        source,
        pipeline,
        step,
        sum(deals * won_probability) as expected_deals,
        sum(value * won_probability) as expected_amount,
        -- of the deals, each for itself, and of the probability that deals of one cell share
        sum((squared_value + value * value / (followed + 2)) * cautious_probability * (1 - cautious_probability))
            as variance
    from chances
    group by
        series,
        forecast_on,
        source,
        pipeline,
        step
),

standing as (
    select
        series,
        forecast_on,
        source,
        pipeline,
        count(*) as open_deals,
        sum(amount) as open_amount,
        count(*) - count(amount) as deals_without_amount,
        sum(case when amount is null then value end) as assumed_amount
    from subjects
    group by
        series,
        forecast_on,
        source,
        pipeline
),

brought as (
    select
        series,
        forecast_on,
        source,
        pipeline,
        exit_step as step,
        count(*) as won_deals,
        sum(won_amount) as won_amount
    from subjects
    where outcome = 'won'
    group by
        series,
        forecast_on,
        source,
        pipeline,
        exit_step
),

-- what the CRM itself would say: its stages' probabilities, in the month it expects the close
weighted as (
    select
        subjects.series,
        subjects.forecast_on,
        subjects.source,
        subjects.pipeline,
        steps.step,
        sum(subjects.value * {{ crm_odds_within('subjects', 'steps.step', 'steps.step') }}) as crm_amount
    from subjects
    cross join steps
    where
        subjects.close_bucket != 'none'
        and subjects.crm_probability is not null
    group by
        subjects.series,
        subjects.forecast_on,
        subjects.source,
        subjects.pipeline,
        steps.step
)

select
    spine.series,
    spine.forecast_on,
    spine.forecast_month_number,
    spine.source,
    spine.pipeline,
    spine.step,
    {{ add_months("date_trunc('month', spine.forecast_on)", 'spine.step') }} as month,
    coalesce(standing.open_deals, 0) as open_deals,
    coalesce(standing.open_amount, 0) as open_amount,
    coalesce(standing.deals_without_amount, 0) as deals_without_amount,
    coalesce(standing.assumed_amount, 0) as assumed_amount,
    case when standing.open_deals is null then 0 else expected.expected_deals end as expected_deals,
    case when standing.open_deals is null then 0 else expected.expected_amount end as expected_amount,
    case when standing.open_deals is null then 0 else sqrt(expected.variance) end as deviation_amount,
    coalesce(brought.won_deals, 0) as won_deals,
    coalesce(brought.won_amount, 0) as won_amount,
    weighted.crm_amount
from spine
left join standing
    on spine.series = standing.series
    and spine.forecast_on = standing.forecast_on
    and spine.source = standing.source
    and spine.pipeline = standing.pipeline
left join expected
    on spine.series = expected.series
    and spine.forecast_on = expected.forecast_on
    and spine.source = expected.source
    and spine.pipeline = expected.pipeline
    and spine.step = expected.step
left join brought
    on spine.series = brought.series
    and spine.forecast_on = brought.forecast_on
    and spine.source = brought.source
    and spine.pipeline = brought.pipeline
    and spine.step = brought.step
left join weighted
    on spine.series = weighted.series
    and spine.forecast_on = weighted.forecast_on
    and spine.source = weighted.source
    and spine.pipeline = weighted.pipeline
    and spine.step = weighted.step
