-- Every account that a fact names: those of the accounts' feed, and whichever else is met, known by their ids alone.
with delivered as (
    select * from {{ ref('stg_accounts') }}
),

met as (
    {% for fact in ('fct_deals', 'fct_activities', 'fct_customer_months') %}
    select
        account_key,
        source
    from {{ ref(fact) }}
    where account_key is not null
    {{ 'union' if not loop.last }}
    {% endfor %}
)

select
    account_key,
    source,
    account_id,
    account_name,
    segment,
    fields,
    true as is_delivered
from delivered

union all

select
    met.account_key,
    met.source,
    {{ id_of('met.account_key', 'met.source') }} as account_id,
    cast(null as string) as account_name,
    cast(null as string) as segment,
    cast(null as string) as fields,
    false as is_delivered
from met
left join delivered on met.account_key = delivered.account_key
where delivered.account_key is null
