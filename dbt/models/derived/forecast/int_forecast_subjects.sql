-- The deals that were open at each forecast date: what was known of them on that day, and how it ended later.
with run as (
    select * from {{ ref('stg_config__run') }}
),

months as (
    select distinct month
    from {{ ref('dim_dates') }}
),

forecast_dates as (
    {{ forecast_month_ends() }}

    union all

    -- today, and the days that stood as far in their months: what today's forecast learns from
    select
        'as_of' as series,
        {{ add_months(
            'run.as_of_date',
            months_between('run.as_of_date', 'months.month')
        ) }} as forecast_on
    from months
    cross join run
    where months.month <= run.as_of_date
),

expected_dates as (
    {{ value_stretches('expected_close_on') }}
),

-- sources whose logs or versions tell of amounts and expected close dates: there they are known at all times told of
told_by_history as (
    select
        source,
        max(field = 'amount') as tells_amounts,
        max(field = 'expected_close_on') as tells_close_dates
    from {{ ref('fct_deal_changes') }}
    where evidence in ('logged', 'versioned')
    group by source
),

deals as (
    select
        deals.deal_key,
        facts.expected_close_on,
        deals.win_probability,
        {{ day_in('deals.first_delivered_at', 'run.timezone') }} as first_delivered_on,
        coalesce(told_by_history.tells_amounts, false) as tells_amounts,
        coalesce(told_by_history.tells_close_dates, false) as tells_close_dates
    from {{ ref('int_deals') }} as deals
    inner join {{ ref('fct_deals') }} as facts on deals.deal_key = facts.deal_key
    left join told_by_history on deals.source = told_by_history.source
    cross join run
),

-- each stretch in each of its months: a join by months has a tenth of the pairs that one by days alone goes through
stretch_months as (
    select
        *,
        {{ month_number('from_on') }} + months_later as month_number
    from (
        select
            stretches.*,
            {{ numbers_to(
                months_between('stretches.from_on', 'coalesce(stretches.until_on, run.as_of_date)')
            ) }} as months_later
        from {{ ref('int_open_stretches') }} as stretches
        cross join run
    ) as stretches
),

open_deals as (
    select
        forecast_dates.series,
        forecast_dates.forecast_on,
        stretches.deal_key,
        stretches.source,
        stretches.pipeline,
        case when stretches.evidence != 'inferred' then stretches.stage end as stage,
        -- what only a later delivery shows may have been otherwise by then: many a CRM learns an amount at the close
        case
            when
                deals.first_delivered_on <= forecast_dates.forecast_on
                or (deals.tells_amounts and stretches.evidence in ('logged', 'versioned'))
                then stretches.amount_reporting
        end as amount,
        case
            when
                deals.first_delivered_on <= forecast_dates.forecast_on
                or (deals.tells_close_dates and stretches.evidence in ('logged', 'versioned'))
                then case
                    when expected_dates.deal_key is not null then try_cast(expected_dates.value as date)
                    else deals.expected_close_on
                end
        end as expected_close_on,
        -- of the deal itself the CRM's odds are known as they are now
        case when forecast_dates.forecast_on = run.as_of_date then deals.win_probability end as deal_probability
    from stretch_months as stretches
    cross join run
    inner join forecast_dates
        on stretches.month_number = {{ month_number('forecast_dates.forecast_on') }}
        and stretches.from_on <= forecast_dates.forecast_on
        and (stretches.until_on is null or stretches.until_on > forecast_dates.forecast_on)
    inner join deals on stretches.deal_key = deals.deal_key
    left join expected_dates
        on stretches.deal_key = expected_dates.deal_key
        and forecast_dates.forecast_on >= expected_dates.from_on
        and forecast_dates.forecast_on < expected_dates.until_on
),

ended as (
    select
        open_deals.*,
        {{ month_number('open_deals.forecast_on') }} as forecast_month_number,
        {{ months_between('open_deals.forecast_on', 'open_deals.expected_close_on') }} as expected_step,
        {{ days_between('spells.opened_on', 'open_deals.forecast_on') }} as age_days,
        {{ months_between('open_deals.forecast_on', 'spells.closed_on') }} as exit_step,
        -- a deal that was merged into another one is seen no further, like a deleted one
        case spells.outcome when 'merged' then 'deleted' else spells.outcome end as outcome,
        case when spells.outcome = 'won' then coalesce(spells.closing_amount, 0) end as won_amount
    from open_deals
    inner join {{ ref('int_open_spells') }} as spells
        on open_deals.deal_key = spells.deal_key
        and open_deals.forecast_on >= spells.opened_on
        and (spells.closed_on is null or open_deals.forecast_on < spells.closed_on)
)

select
    ended.series,
    ended.forecast_on,
    ended.forecast_month_number,
    ended.deal_key,
    ended.source,
    ended.pipeline,
    ended.stage,
    case
        when ended.expected_step is null then 'none'
        when ended.expected_close_on < ended.forecast_on then 'overdue'
        when ended.expected_step > 3 then 'later'
        else cast(ended.expected_step as string)
    end as close_bucket,
    -- doubling from a week on
    case
        when ended.age_days < 7 then '0 to 6 days'
        when ended.age_days < 14 then '7 to 13 days'
        when ended.age_days < 28 then '14 to 27 days'
        when ended.age_days < 56 then '28 to 55 days'
        when ended.age_days < 112 then '56 to 111 days'
        when ended.age_days < 224 then '112 to 223 days'
        else '224 days and more'
    end as age_band,
    ended.amount,
    case when ended.expected_close_on >= ended.forecast_on then ended.expected_step end as expected_step,
    coalesce(ended.deal_probability, stages.win_probability) as crm_probability,
    ended.outcome,
    ended.exit_step,
    ended.won_amount
from ended
left join {{ ref('dim_stages') }} as stages
    on ended.source = stages.source
    and ended.pipeline = stages.pipeline
    and ended.stage = stages.stage
