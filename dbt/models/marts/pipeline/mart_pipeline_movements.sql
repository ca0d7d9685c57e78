{% set movements = ['created', 'reopened', 'increased', 'decreased', 'won', 'lost', 'deleted', 'merged'] %}
with spells as (
    select * from {{ ref('int_open_spells') }}
),

amounts as (
    select * from {{ ref('int_amount_stretches') }}
),

amounts_reporting as (
    select
        amounts.deal_key,
        amounts.from_on,
        coalesce({{ amount_reporting_in('amounts', 'deals.amount', 'deals.reporting_rate') }}, 0) as amount
    from amounts
    inner join {{ ref('fct_deals') }} as deals on amounts.deal_key = deals.deal_key
),

amount_changes as (
    select
        *,
        amount - lag(amount) over (partition by deal_key order by from_on) as change
    from amounts_reporting
),

-- what changed from one day's end to the next, until the end of the day on which the deal left
changes_by_deal as (
    select
        spells.source,
        spells.pipeline,
        amount_changes.deal_key,
        {{ month_of('amount_changes.from_on') }} as month,
        sum(case when amount_changes.change > 0 then amount_changes.change end) as increased,
        -sum(case when amount_changes.change < 0 then amount_changes.change end) as decreased
    from amount_changes
    inner join spells
        on amount_changes.deal_key = spells.deal_key
        and amount_changes.from_on > spells.opened_on
        and amount_changes.from_on <= coalesce(spells.closed_on, {{ for_ever() }})
    group by
        spells.source,
        spells.pipeline,
        amount_changes.deal_key,
        {{ month_of('amount_changes.from_on') }}
),

moves as (
    select
        source,
        pipeline,
        {{ month_of('opened_on') }} as month,
        case
            when is_merged_in then 'merged'
            when spell_number = 1 then 'created'
            else 'reopened'
        end as movement,
        1 as deals,
        opening_amount as amount
    from spells

    union all

    select
        source,
        pipeline,
        {{ month_of('closed_on') }} as month,
        outcome as movement,
        -- of a merge the net effect: what is left comes in, what was swallowed leaves
        case outcome when 'merged' then -1 else 1 end as deals,
        case outcome when 'merged' then -closing_amount else closing_amount end as amount
    from spells
    where closed_on is not null

    union all

    select
        source,
        pipeline,
        month,
        'increased' as movement,
        1 as deals,
        increased as amount
    from changes_by_deal
    where increased is not null

    union all

    select
        source,
        pipeline,
        month,
        'decreased' as movement,
        1 as deals,
        decreased as amount
    from changes_by_deal
    where decreased is not null
),

by_month as (
    select
        source,
        pipeline,
        month,
        {%- for movement in movements %}
        cast(coalesce(sum(case when movement = '{{ movement }}' then deals end), 0) as bigint) as {{ movement }}_deals,
        coalesce(sum(case when movement = '{{ movement }}' then amount end), 0) as {{ movement }}_amount
        {{- ',' if not loop.last }}
        {%- endfor %}
    from moves
    group by
        source,
        pipeline,
        month
),

joined as (
    select
        months.source,
        months.pipeline,
        months.month,
        months.is_complete_month,
        {%- for movement in movements %}
        coalesce(by_month.{{ movement }}_deals, 0) as {{ movement }}_deals,
        coalesce(by_month.{{ movement }}_amount, 0) as {{ movement }}_amount{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_pipeline_months') }} as months
    left join by_month
        on months.source = by_month.source
        and months.pipeline = by_month.pipeline
        and months.month = by_month.month
),

netted as (
    select
        *,
        created_deals + reopened_deals - won_deals - lost_deals - deleted_deals + merged_deals
            as net_deals,
        created_amount + reopened_amount + increased_amount - decreased_amount
        - won_amount - lost_amount - deleted_amount + merged_amount as net_amount
    from joined
),

closing as (
    select
        *,
        sum(net_deals) over so_far as closing_deals,
        sum(net_amount) over so_far as closing_amount
    from netted
    window so_far as (
        partition by source, pipeline
        order by month
        rows between unbounded preceding and current row
    )
)

select
    month,
    source,
    pipeline,
    is_complete_month,
    -- in deals
    cast(closing_deals - net_deals as bigint) as opening_deals,
    created_deals,
    reopened_deals,
    increased_deals,
    decreased_deals,
    won_deals,
    lost_deals,
    deleted_deals,
    merged_deals,
    cast(closing_deals as bigint) as closing_deals,
    -- in reporting currency
    cast(closing_amount - net_amount as decimal(18, 2)) as opening_amount,
    {%- for movement in movements %}
    cast({{ movement }}_amount as decimal(18, 2)) as {{ movement }}_amount,
    {%- endfor %}
    cast(closing_amount as decimal(18, 2)) as closing_amount
from closing
