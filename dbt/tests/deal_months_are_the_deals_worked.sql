-- The months in which a deal was worked, deal by deal, are what the mart counts by running totals: in every grain.
with deal_months as (
    select
        deal_months.month,
        deals.source,
        concat_ws('', deals.source, ':', deals.pipeline) as pipeline_value,
        deals.owner_key,
        deals.segment,
        deals.lead_source
        {{- field_grains('deals.fields') }}
    from {{ ref('fct_deal_months') }} as deal_months
    inner join {{ ref('fct_deals') }} as deals on deal_months.deal_key = deals.deal_key
),

counted as (
    {{ by_grain('deal_months', 'month', 'deals', {'deals_worked': 'count(*)'}) }}
)

select
    monthly.month,
    monthly.grain,
    monthly.grain_value,
    monthly.deals_worked,
    counted.deals_worked as deals_counted
from {{ ref('mart_monthly_metrics') }} as monthly
left join counted
    on monthly.month = counted.month
    and monthly.grain = counted.grain
    and monthly.grain_value is not distinct from counted.grain_value
where monthly.deals_worked != coalesce(counted.deals_worked, 0)
