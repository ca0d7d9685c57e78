-- Of deals that are alike at a forecast date, the odds at each horizon of the outlook: ours, the CRM's, both as one,
-- and the base rate of the pipeline.
with run as (
    select * from {{ ref('stg_config__run') }}
),

kinds as (
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
        case when subjects.series = 'month_end' then 1 else 0 end as first_step
    from {{ ref('int_forecast_subjects') }} as subjects
    cross join run
    where
        subjects.series = 'month_end'
        or subjects.forecast_on = run.as_of_date
    group by all
),

with_quarter as (
    select
        kinds.*,
        kinds.first_step + 2
        - {{ month_of_quarter('kinds.forecast_month_number + kinds.first_step', 'run.fiscal_year_starts') }}
            as quarter_step
    from kinds
    cross join run
),

horizons as (
    {%- for horizon, (first, last) in outlook_horizons().items() %}
    select
        *,
        {{ loop.index }} as horizon_number,
        '{{ horizon }}' as horizon,
        {{ first }} as from_step,
        {{ last }} as to_step
    from with_quarter
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

of_kinds as (
    select
        horizons.series,
        horizons.forecast_on,
        horizons.forecast_month_number,
        horizons.source,
        horizons.pipeline,
        horizons.stage,
        horizons.close_bucket,
        horizons.age_band,
        horizons.crm_probability,
        horizons.expected_step,
        horizons.first_step,
        horizons.horizon_number,
        horizons.horizon,
        horizons.from_step,
        horizons.to_step,
        max(odds.step) as known_to_step,
        min(case when odds.step = horizons.first_step then odds.level end) as level,
        min(case when odds.step = horizons.first_step then odds.followed end) as followed,
        sum(case when odds.step >= horizons.from_step then odds.won_probability else 0 end) as our_won,
        sum(case when odds.step >= horizons.from_step then odds.lost_probability else 0 end) as our_lost,
        sum(odds.won_probability) as our_won_by_then,
        sum(odds.lost_probability) as our_lost_by_then
    from horizons
    inner join {{ ref('int_forecast_odds') }} as odds
        on {{ same_odds('horizons', 'odds') }}
        and horizons.to_step >= odds.step
    group by all
),

-- a horizon that nobody was followed to has no odds; for ever is as far as any was
known as (
    select * from of_kinds
    where
        horizon = 'ever'
        or known_to_step = to_step
),

base_rates as (
    select
        known.series,
        known.forecast_month_number,
        known.source,
        known.pipeline,
        known.horizon,
        sum(odds.won_probability) as base_won
    from (
        select
            series,
            forecast_month_number,
            source,
            pipeline,
            horizon,
            from_step,
            to_step
        from known
        group by all
    ) as known
    inner join {{ ref('int_forecast_odds') }} as odds
        on known.series = odds.series
        and known.forecast_month_number = odds.forecast_month_number
        and known.source = odds.source
        and known.pipeline = odds.pipeline
        and odds.is_base
        and odds.step between known.from_step and known.to_step
    group by
        known.series,
        known.forecast_month_number,
        known.source,
        known.pipeline,
        known.horizon
),

with_crm as (
    select
        known.*,
        weights.our_weight,
        base_rates.base_won,
        -- for ever it says something of deals that it does not expect to close in any month, too
        {%- for outcome, ever in {'won': 'known.crm_probability', 'lost': '1 - known.crm_probability'}.items() %}
        case
            when known.horizon = 'ever' then {{ ever }}
            else {{ crm_odds_within('known', 'known.from_step', 'known.to_step', outcome) }}
        end as crm_{{ outcome }},
        case
            when known.horizon = 'ever' then {{ ever }}
            else {{ crm_odds_within('known', 'known.first_step', 'known.to_step', outcome) }}
        end as crm_{{ outcome }}_by_then,
        {%- endfor %}
        -- one without a date is left to ours at every horizon, so that for ever is never less than a month
        case when known.close_bucket = 'none' then 1.0 else weights.our_weight end as our_part
    from known
    inner join {{ ref('int_forecast_weights') }} as weights
        on known.series = weights.series
        and known.forecast_month_number = weights.forecast_month_number
        and known.source = weights.source
    inner join base_rates
        on known.series = base_rates.series
        and known.forecast_month_number = base_rates.forecast_month_number
        and known.source = base_rates.source
        and known.pipeline = base_rates.pipeline
        and known.horizon = base_rates.horizon
)

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
    horizon_number,
    horizon,
    to_step,
    level,
    followed,
    our_weight,
    our_part,
    our_won,
    crm_won,
    base_won,
    {{ combined_odds('our_won', 'crm_won', 'our_part') }} as combined_won,
    {{ combined_odds('our_lost', 'crm_lost', 'our_part') }} as combined_lost,
    {{ without_trifle(
        '(1 - ' ~ combined_odds('our_won_by_then', 'crm_won_by_then', 'our_part')
        ~ ' - ' ~ combined_odds('our_lost_by_then', 'crm_lost_by_then', 'our_part') ~ ')'
    ) }} as combined_open
from with_crm
