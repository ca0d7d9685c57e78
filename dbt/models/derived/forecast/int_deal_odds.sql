-- The odds of every deal that is open today, at each horizon, and of being won by the day it is expected to close.
with run as (
    select * from {{ ref('stg_config__run') }}
),

today as (
    select subjects.*
    from {{ ref('int_forecast_subjects') }} as subjects
    inner join run on subjects.forecast_on = run.as_of_date
    where subjects.series = 'as_of'
),

-- as far as the month of the expected close has gone by that day, its odds count
to_expected_close as (
    select
        today.deal_key,
        sum(
            case
                when odds.step < today.expected_step then odds.won_probability
                when odds.step > today.expected_step then 0
                when odds.step > 0
                    then odds.won_probability * extract(day from deals.expected_close_on)
                        / extract(day from {{ last_day_of_month('deals.expected_close_on') }})
                when {{ last_day_of_month('run.as_of_date') }} = run.as_of_date then odds.won_probability
                else odds.won_probability
                    * cast({{ days_between('run.as_of_date', 'deals.expected_close_on') }} as double)
                    / {{ days_between('run.as_of_date', last_day_of_month('run.as_of_date')) }}
            end
        ) as our_won_by_then
    from today
    cross join run
    inner join {{ ref('fct_deals') }} as deals on today.deal_key = deals.deal_key
    inner join {{ ref('int_forecast_odds') }} as odds
        on {{ same_odds('today', 'odds') }}
    where today.expected_step is not null
    group by today.deal_key
),

odds as (
    select
        deal_key,
        min(level) as level,
        min(followed) as followed,
        min(our_weight) as our_weight,
        min(our_part) as our_part
        {%- for horizon in outlook_horizons() %},
        {%- for odds in ['our_won', 'combined_won', 'combined_lost', 'combined_open'] %}
        min(case when horizon = '{{ horizon }}' then {{ odds }} end)
            as {{ odds }}_{{ horizon }}{{ ',' if not loop.last }}
        {%- endfor %}
        {%- endfor %}
    from (
        select
            today.deal_key,
            odds.*
        from today
        inner join {{ ref('int_outlook_odds') }} as odds
            on today.series = odds.series
            and today.source = odds.source
            and today.pipeline = odds.pipeline
            and today.forecast_month_number = odds.forecast_month_number
            and coalesce(today.stage, '') = coalesce(odds.stage, '')
            and today.close_bucket = odds.close_bucket
            and today.age_band = odds.age_band
            and coalesce(today.crm_probability, -1) = coalesce(odds.crm_probability, -1)
            and coalesce(today.expected_step, -1) = coalesce(odds.expected_step, -1)
    ) as of_deals
    group by deal_key
)

select
    today.deal_key,
    today.source,
    today.pipeline,
    today.stage,
    today.amount,
    today.close_bucket,
    today.expected_step,
    today.crm_probability,
    odds.level,
    odds.followed,
    odds.our_weight,
    {%- for horizon in outlook_horizons() %}
    {%- for column in ['our_won', 'combined_won', 'combined_lost', 'combined_open'] %}
    odds.{{ column }}_{{ horizon }},
    {%- endfor %}
    {%- endfor %}
    case
        -- whatever else is known
        when today.close_bucket = 'overdue' then 1.0
        when odds.deal_key is null then null
        when today.close_bucket != 'none'
            then {{ without_trifle(
                '(1 - ' ~ combined_odds(
                    'to_expected_close.our_won_by_then', 'today.crm_probability', 'odds.our_part'
                ) ~ ')'
            ) }}
    end as slip_probability
from today
left join odds on today.deal_key = odds.deal_key
left join to_expected_close on today.deal_key = to_expected_close.deal_key
