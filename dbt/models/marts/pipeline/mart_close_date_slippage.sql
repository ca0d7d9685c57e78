with spells as (
    select
        deal_key,
        case when spell_number = 1 then {{ since_ever() }} else opened_at end as from_at,
        coalesce(closed_at, {{ for_ever() }}) as until_at
    from {{ ref('int_open_spells') }}
),

bookkeeping as (
    {{ changes_by_a_close(ref('fct_deal_changes')) }}
),

changes as (
    select
        changes.deal_key,
        deals.source,
        deals.pipeline,
        changes.changed_at,
        changes.change_number,
        {{ month_of(day_in('changes.changed_at', 'run.timezone')) }} as month,
        -- guarded: a cast might meet the values of other fields before they are filtered
        {{ days_between(
            "case when changes.field = 'expected_close_on' then cast(changes.old_value as date) end",
            "case when changes.field = 'expected_close_on' then cast(changes.new_value as date) end"
        ) }} as days_later
    from {{ ref('fct_deal_changes') }} as changes
    inner join {{ ref('fct_deals') }} as deals on changes.deal_key = deals.deal_key
    cross join {{ ref('stg_config__run') }} as run
    left join bookkeeping
        on changes.deal_key = bookkeeping.deal_key
        and changes.changed_at = bookkeeping.changed_at
    where
        changes.field = 'expected_close_on'
        -- what the CRM wrote at the close is neither push nor pull
        and bookkeeping.deal_key is null
        and changes.old_value is not null
        and changes.new_value is not null
        and deals.status != 'deleted'
),

-- a change at the moment of the close belongs to the close
moved as (
    select
        changes.*,
        spells.deal_key is not null as is_open
    from changes
    left join spells
        on changes.deal_key = spells.deal_key
        and changes.changed_at >= spells.from_at
        and changes.changed_at < spells.until_at
),

by_month as (
    select
        source,
        pipeline,
        month,
        count(case when is_open and days_later > 0 then 1 end) as pushes,
        count(case when is_open and days_later < 0 then 1 end) as pulls,
        count(distinct case when is_open and days_later > 0 then deal_key end) as pushed_deals,
        count(distinct case when is_open and days_later < 0 then deal_key end) as pulled_deals,
        sum(case when is_open and days_later > 0 then days_later end) as days_pushed,
        avg(case when is_open and days_later > 0 then days_later end) as days_pushed_mean,
        {{ median('case when is_open and days_later > 0 then days_later end') }} as days_pushed_median,
        -sum(case when is_open and days_later < 0 then days_later end) as days_pulled,
        count(case when not is_open and days_later > 0 then 1 end) as pushes_while_closed
    from moved
    group by
        source,
        pipeline,
        month
),

first_month as (
    select min(month) as month
    from {{ ref('int_pipeline_months') }}
),

months as (
    select
        source,
        pipeline,
        month,
        is_complete_month
    from {{ ref('int_pipeline_months') }}

    union all

    -- what a log tells of deals before their creation has months of its own
    select
        by_month.source,
        by_month.pipeline,
        by_month.month,
        true as is_complete_month
    from by_month
    cross join first_month
    where by_month.month < first_month.month
)

select
    months.month,
    months.source,
    months.pipeline,
    months.is_complete_month,
    coalesce(by_month.pushes, 0) as pushes,
    coalesce(by_month.pulls, 0) as pulls,
    coalesce(by_month.pushed_deals, 0) as pushed_deals,
    coalesce(by_month.pulled_deals, 0) as pulled_deals,
    {{ ratio('by_month.pushes', 'by_month.pushed_deals') }} as pushes_per_pushed_deal,
    cast(coalesce(by_month.days_pushed, 0) as bigint) as days_pushed,
    by_month.days_pushed_mean,
    cast(by_month.days_pushed_median as double) as days_pushed_median,
    cast(coalesce(by_month.days_pulled, 0) as bigint) as days_pulled,
    coalesce(by_month.pushes_while_closed, 0) as pushes_while_closed
from months
left join by_month
    on months.source = by_month.source
    and months.pipeline = by_month.pipeline
    and months.month = by_month.month
