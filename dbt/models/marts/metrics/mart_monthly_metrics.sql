with run as (
    select * from {{ ref('stg_config__run') }}
),

deals as (
    select
        *,
        concat_ws('', source, ':', pipeline) as pipeline_value,
        {{ month_of('created_on') }} as created_month,
        {{ month_of('closed_on') }} as closed_month
        {{- field_grains('fields') }}
    from {{ ref('fct_deals') }}
    where status != 'deleted'
),

leads as (
    select
        *,
        {{ month_of('created_on') }} as created_month
    from {{ ref('fct_leads') }}
),

lead_months as (
    {{ by_grain('leads', 'created_month', 'leads', {
        'new_leads': 'count(*)',
        'converted_leads': 'count(case when is_converted then 1 end)',
        'answered_leads': 'count(response_hours)',
        'leads_answered_within_sla': 'count(case when is_answered_within_sla then 1 end)',
        'leads_unanswered': 'count(case when is_unanswered then 1 end)',
        'response_hours': 'avg(response_hours)',
        'response_hours_median': median('response_hours'),
    }) }}
),

created_months as (
    {{ by_grain('deals', 'created_month', 'deals', {
        'opportunities_created': 'count(*)',
        'opportunities_created_won': "count(case when status = 'won' then 1 end)",
        'worked_from_here': 'count(case when closed_month is null or closed_month >= created_month then 1 end)',
    }) }}
),

closed_months as (
    {{ by_grain('deals', 'closed_month', 'deals', {
        'deals_won': "count(case when status = 'won' then 1 end)",
        'deals_lost': "count(case when status = 'lost' then 1 end)",
        'qualified_won': "count(case when status = 'won' and is_qualified then 1 end)",
        'qualified_lost': "count(case when status = 'lost' and is_qualified then 1 end)",
        'won_amount': "sum(case when status = 'won' then amount_reporting end)",
        'won_deals_with_amount': "count(case when status = 'won' then amount_reporting end)",
        'sales_cycle_days': 'avg(sales_cycle_days)',
        'sales_cycle_days_median': median('sales_cycle_days'),
        'new_customers': 'count(case when is_first_win then 1 end)',
        'worked_until_here': 'count(case when closed_month >= created_month then 1 end)',
    }) }}
),

spend as (
    select * from {{ ref('int_monthly_spend') }}
),

customers as (
    select * from {{ ref('int_monthly_customers') }}
),

-- every grain value has every month
first_month as (
    select min(month) as month
    from (
        select created_month as month
        from deals
        union all
        select closed_month as month
        from deals
        union all
        select created_month as month
        from leads
    ) as months_met
),

months as (
    select
        dates.month,
        min(dates.is_complete_month) as is_complete_month
    from {{ ref('dim_dates') }} as dates
    cross join first_month
    cross join run
    where
        dates.month >= first_month.month
        and dates.month <= run.as_of_date
    group by dates.month
),

grain_values as (
    select distinct
        grain,
        grain_value
    from (
        select
            grain,
            grain_value
        from created_months
        union all
        select
            grain,
            grain_value
        from closed_months
        union all
        select
            grain,
            grain_value
        from lead_months
        union all
        select
            grain,
            grain_value
        from spend
        union all
        select
            grain,
            grain_value
        from customers
        union all
        select
            'all' as grain,
            'all' as grain_value
    ) as values_met
),

-- grain values with records of a source that delivers activities: of others nobody knows whether leads were answered
telling_sources as (
    select source
    from {{ ref('stg_config__delivered_columns') }}
    where
        entity = 'activities'
        and column_name = 'activity_id'
),

told_records as (
    select
        source,
        owner_key,
        lead_source
    from leads
    union
    select
        source,
        owner_key,
        lead_source
    from deals
),

told_values as (
    select
        'all' as grain,
        'all' as grain_value
    from telling_sources

    union

    select
        'source' as grain,
        source as grain_value
    from telling_sources

    union

    select
        'owner' as grain,
        told_records.owner_key as grain_value
    from told_records
    inner join telling_sources on told_records.source = telling_sources.source

    union

    select
        'lead_source' as grain,
        told_records.lead_source as grain_value
    from told_records
    inner join telling_sources on told_records.source = telling_sources.source

    union

    -- where money alone was spent, nobody was to be answered
    select
        spend.grain,
        spend.grain_value
    from spend
    cross join telling_sources
    left join told_records
        on case spend.grain when 'owner' then told_records.owner_key else told_records.lead_source end
        is not distinct from spend.grain_value
    where
        spend.grain in ('owner', 'lead_source')
        and told_records.source is null
),

spine as (
    select
        months.month,
        months.is_complete_month,
        grain_values.grain,
        grain_values.grain_value,
        grain_values.grain in ('all', 'source', 'owner', 'lead_source') as has_leads
    from months
    cross join grain_values
),

joined as (
    select
        spine.*,
        coalesce(created_months.opportunities_created, 0) as opportunities_created,
        coalesce(created_months.opportunities_created_won, 0) as opportunities_created_won,
        coalesce(closed_months.deals_won, 0) as deals_won,
        coalesce(closed_months.deals_lost, 0) as deals_lost,
        coalesce(closed_months.qualified_won, 0) as qualified_won,
        coalesce(closed_months.qualified_lost, 0) as qualified_lost,
        coalesce(closed_months.won_amount, 0) as won_amount,
        coalesce(closed_months.won_deals_with_amount, 0) as won_deals_with_amount,
        closed_months.sales_cycle_days,
        closed_months.sales_cycle_days_median,
        coalesce(closed_months.new_customers, 0) as new_customers,
        case when spine.has_leads then coalesce(lead_months.new_leads, 0) end as new_leads,
        case when spine.has_leads then coalesce(lead_months.converted_leads, 0) end as converted_leads,
        case when told_values.grain is not null then coalesce(lead_months.answered_leads, 0) end as answered_leads,
        case when told_values.grain is not null then coalesce(lead_months.leads_answered_within_sla, 0) end
            as leads_answered_within_sla,
        case when told_values.grain is not null then coalesce(lead_months.leads_unanswered, 0) end as leads_unanswered,
        lead_months.response_hours,
        lead_months.response_hours_median,
        spend.spend,
        spend.spend_rows_without_rate,
        customers.months_of_revenue,
        customers.revenue,
        customers.lines_without_rate,
        customers.active_customer_months,
        customers.active_months_before,
        customers.churned_customers,
        count(customers.month) over whole as months_with_customers,
        run.gross_margin,
        -- worked in a month: created before its end and not closed before its start
        sum(coalesce(created_months.worked_from_here, 0)) over so_far
        - coalesce(sum(coalesce(closed_months.worked_until_here, 0)) over before, 0) as deals_worked
    from spine
    left join created_months
        on spine.month = created_months.month
        and spine.grain = created_months.grain
        and spine.grain_value is not distinct from created_months.grain_value
    left join closed_months
        on spine.month = closed_months.month
        and spine.grain = closed_months.grain
        and spine.grain_value is not distinct from closed_months.grain_value
    left join lead_months
        on spine.month = lead_months.month
        and spine.grain = lead_months.grain
        and spine.grain_value is not distinct from lead_months.grain_value
    left join told_values
        on spine.grain = told_values.grain
        and spine.grain_value is not distinct from told_values.grain_value
    left join spend
        on spine.month = spend.month
        and spine.grain = spend.grain
        and spine.grain_value = spend.grain_value
    left join customers
        on spine.month = customers.month
        and spine.grain = customers.grain
        and spine.grain_value is not distinct from customers.grain_value
    cross join run
    window
        whole as (partition by spine.grain, spine.grain_value),
        so_far as (
            partition by spine.grain, spine.grain_value
            order by spine.month
            rows between unbounded preceding and current row
        ),
        before as (
            partition by spine.grain, spine.grain_value
            order by spine.month
            rows between unbounded preceding and 1 preceding
        )
),

rated as (
    select
        *,
        {{ ratio('deals_won', 'deals_won + deals_lost') }} as win_rate,
        {{ ratio('won_amount', 'won_deals_with_amount') }} as avg_deal_size,
        {{ ratio('spend', 'new_customers') }} as cac,
        is_complete_month and months_of_revenue >= 12 as has_twelve_months,
        case
            when grain not in ('all', 'source', 'segment') then 'not defined for this grain'
            when months_with_customers = 0 then 'no revenue is delivered'
            when gross_margin is null then 'no gross margin is configured'
            when not is_complete_month then 'the month is not over'
            when months_of_revenue is null or months_of_revenue < 12 then 'fewer than 12 months since the first revenue'
            when lines_without_rate > 0 then 'an exchange rate is missing'
            when active_customer_months = 0 then 'no customer was active'
            when churned_customers = 0 then 'no customer churned'
        end as clv_null_reason
    from joined
),

valued as (
    select
        *,
        {{ ratio('revenue', 'active_customer_months') }} as revenue_per_customer_month,
        {{ ratio('churned_customers', 'active_months_before') }} as churn_rate
    from rated
),

with_clv as (
    select
        *,
        case when clv_null_reason is null then revenue_per_customer_month * gross_margin / churn_rate end as clv
    from valued
)

select
    month,
    grain,
    grain_value,
    is_complete_month,
    -- leads
    new_leads,
    converted_leads,
    {{ ratio('converted_leads', 'new_leads') }} as lead_conversion_rate,
    answered_leads,
    leads_answered_within_sla,
    leads_unanswered,
    response_hours,
    response_hours_median,
    {{ ratio('leads_answered_within_sla', 'answered_leads + leads_unanswered') }} as response_within_sla_rate,
    -- deals by the month of their creation
    opportunities_created,
    opportunities_created_won,
    {{ ratio('opportunities_created_won', 'opportunities_created') }} as deal_closure_rate,
    -- deals by the month of their close
    deals_won,
    deals_lost,
    win_rate,
    {{ ratio('deals_won', 'deals_lost') }} as win_loss_ratio,
    qualified_won,
    qualified_lost,
    {{ ratio('qualified_won', 'qualified_won + qualified_lost') }} as opportunity_win_rate,
    cast(won_amount as decimal(18, 2)) as won_amount,
    won_deals_with_amount,
    avg_deal_size,
    sales_cycle_days,
    sales_cycle_days_median,
    -- deals in the pipeline
    cast(deals_worked as bigint) as deals_worked,
    {{ ratio('deals_worked * win_rate * avg_deal_size', 'sales_cycle_days') }} as pipeline_velocity_per_day,
    -- customers
    new_customers,
    cast(spend as decimal(18, 2)) as spend,
    cast(spend_rows_without_rate as bigint) as spend_rows_without_rate,
    cac,
    cast(case when has_twelve_months and lines_without_rate = 0 then revenue end as decimal(18, 2))
        as revenue_12_months,
    cast(case when has_twelve_months then active_customer_months end as bigint) as active_customer_months,
    cast(case when has_twelve_months then active_months_before end as bigint) as active_months_before,
    cast(case when has_twelve_months then churned_customers end as bigint) as churned_customers,
    clv,
    {{ ratio('clv', 'cac') }} as clv_to_cac,
    clv_null_reason
from with_clv
