-- The days over which the amount of a deal, and what it is told in, stayed the same, by days' ends: from from_on to the
-- day before until_on, for deals of which a change of either is known. In the reporting currency by the deal's one day.
with run as (
    select * from {{ ref('stg_config__run') }}
),

deals as (
    select
        deals.deal_key,
        deals.amount,
        coalesce(deals.currency, {{ unreadable_currency() }}) as currency,
        deals.reporting_rate,
        sources.currency as source_currency,
        least(coalesce(deals.closed_on, run.as_of_date), run.as_of_date) as rate_wanted_on
    from {{ ref('fct_deals') }} as deals
    inner join {{ ref('stg_config__sources') }} as sources on deals.source = sources.source
    cross join run
),

amounts as (
    {{ value_stretches('amount') }}
),

with_amounts as (
    select distinct deal_key
    from amounts
),

currency_changes as (
    select
        *,
        row_number() over (partition by deal_key order by word_number) as change_number
    from {{ ref('int_deal_field_changes') }}
    where field = 'currency'
),

currencies as (
    {{ value_stretches('currency', 'currency_changes') }}
),

-- both reach from the beginning to the end, so each day has its amount and its currency
told as (
    select
        amounts.deal_key,
        greatest(amounts.from_on, coalesce(currencies.from_on, amounts.from_on)) as from_on,
        least(amounts.until_on, coalesce(currencies.until_on, amounts.until_on)) as until_on,
        cast(amounts.value as decimal(18, 2)) as amount,
        currencies.deal_key is not null as tells_currency,
        currencies.value as currency
    from amounts
    left join currencies
        on amounts.deal_key = currencies.deal_key
        and amounts.from_on < currencies.until_on
        and amounts.until_on > currencies.from_on

    union all

    select
        currencies.deal_key,
        currencies.from_on,
        currencies.until_on,
        deals.amount,
        true as tells_currency,
        currencies.value as currency
    from currencies
    inner join deals on currencies.deal_key = deals.deal_key
    left join with_amounts on currencies.deal_key = with_amounts.deal_key
    where with_amounts.deal_key is null
),

known as (
    select
        told.deal_key,
        told.from_on,
        told.until_on,
        told.amount,
        case when told.tells_currency then coalesce(told.currency, deals.source_currency) else deals.currency end
            as currency,
        deals.currency as currency_now,
        deals.reporting_rate,
        deals.rate_wanted_on
    from told
    inner join deals on told.deal_key = deals.deal_key
),

in_another_currency as (
    select * from known
    where currency != currency_now
),

converted as (
    {{ in_reporting_currency('in_another_currency', 'rate_wanted_on') }}
)

select
    deal_key,
    from_on,
    until_on,
    {{ at_rate('amount', 'reporting_rate') }} as amount_reporting
from known
where currency = currency_now

union all

select
    deal_key,
    from_on,
    until_on,
    amount_reporting
from converted
