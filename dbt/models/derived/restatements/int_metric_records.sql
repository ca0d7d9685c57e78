{{ config(materialized='view') }}

-- What the monthly metrics count of each record. Spend has no ids: what was spent on one day for one purpose is one.
select
    'deals' as entity,
    deal_key as record_key,
    source,
    concat_ws('', source, ':', pipeline) as pipeline_value,
    owner_key,
    segment,
    lead_source,
    {{ fields_of_grains('fields') }} as grain_fields,
    status,
    created_on,
    closed_on,
    amount,
    currency,
    amount_reporting,
    account_key,
    is_qualified,
    is_first_win,
    sales_cycle_days,
    cast(null as boolean) as is_converted,
    cast(null as double) as response_hours,
    cast(null as boolean) as is_answered_within_sla,
    cast(null as boolean) as is_unanswered,
    cast(null as bigint) as rows_without_rate
from {{ ref('fct_deals') }}

union all

select
    'leads' as entity,
    lead_key as record_key,
    source,
    cast(null as string) as pipeline_value,
    owner_key,
    cast(null as string) as segment,
    lead_source,
    cast(null as string) as grain_fields,
    status,
    created_on,
    cast(null as date) as closed_on,
    cast(null as decimal(18, 2)) as amount,
    cast(null as string) as currency,
    cast(null as decimal(18, 2)) as amount_reporting,
    cast(null as string) as account_key,
    cast(null as boolean) as is_qualified,
    cast(null as boolean) as is_first_win,
    cast(null as double) as sales_cycle_days,
    is_converted,
    response_hours,
    is_answered_within_sla,
    is_unanswered,
    cast(null as bigint) as rows_without_rate
from {{ ref('fct_leads') }}

union all

select
    'spend' as entity,
    concat_ws(
        '', source, ':', spent_on, ':', coalesce(pipeline, ''), ':', coalesce(owner_key, ''), ':',
        coalesce(segment, ''), ':', coalesce(lead_source, ''), ':', coalesce(campaign, ''), ':', coalesce(currency, '')
    ) as record_key,
    source,
    case when pipeline is not null then concat_ws('', source, ':', pipeline) end as pipeline_value,
    owner_key,
    segment,
    lead_source,
    cast(null as string) as grain_fields,
    'spent' as status,
    spent_on as created_on,
    cast(null as date) as closed_on,
    cast(sum(amount) as decimal(18, 2)) as amount,
    currency,
    cast(sum(amount_reporting) as decimal(18, 2)) as amount_reporting,
    cast(null as string) as account_key,
    cast(null as boolean) as is_qualified,
    cast(null as boolean) as is_first_win,
    cast(null as double) as sales_cycle_days,
    cast(null as boolean) as is_converted,
    cast(null as double) as response_hours,
    cast(null as boolean) as is_answered_within_sla,
    cast(null as boolean) as is_unanswered,
    count(*) - count(amount_reporting) as rows_without_rate
from {{ ref('fct_spend') }}
where spent_on is not null
group by
    source,
    spent_on,
    pipeline,
    owner_key,
    segment,
    lead_source,
    campaign,
    currency
