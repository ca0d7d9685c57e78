-- The days over which an open deal was expected to close in one fiscal quarter, or in none (NULL), by days' ends: how
-- it came into that, and how it left. A deal that moves leaves with what it was worth at the end of the day before and
-- comes with what it is at that of the day itself; what it was created, won or lost with is that of int_open_spells.
with run as (
    select * from {{ ref('stg_config__run') }}
),

spells as (
    select
        *,
        coalesce(closed_on, {{ for_ever() }}) as last_on
    from {{ ref('int_open_spells') }}
),

expected_dates as (
    {{ value_stretches('expected_close_on') }}
),

-- of a deal of which no change is told, what it shows now held all along
expected as (
    select
        spells.deal_key,
        spells.spell_number,
        greatest(spells.opened_on, coalesce(expected_dates.from_on, spells.opened_on)) as from_on,
        case
            when expected_dates.deal_key is null then deals.expected_close_on
            else try_cast(expected_dates.value as date)
        end as expected_close_on
    from spells
    inner join {{ ref('fct_deals') }} as deals on spells.deal_key = deals.deal_key
    left join expected_dates
        on spells.deal_key = expected_dates.deal_key
        and spells.last_on >= expected_dates.from_on
        and spells.opened_on < expected_dates.until_on
),

in_quarters as (
    select
        expected.*,
        {{ fiscal_quarter_of('expected.expected_close_on', 'run.fiscal_year_starts') }} as due_quarter,
        row_number() over (
            partition by expected.deal_key, expected.spell_number
            order by expected.from_on
        ) as place
    from expected
    cross join run
),

compared as (
    select
        *,
        lag(due_quarter) over (partition by deal_key, spell_number order by place) as quarter_before
    from in_quarters
),

moved as (
    select
        deal_key,
        spell_number,
        from_on,
        due_quarter,
        place,
        lead(from_on) over (partition by deal_key, spell_number order by place) as moved_on
    from compared
    where
        place = 1
        or coalesce(due_quarter, {{ since_ever() }}) != coalesce(quarter_before, {{ since_ever() }})
),

stays as (
    select
        spells.deal_key,
        spells.source,
        spells.pipeline,
        moved.due_quarter,
        moved.from_on as came_on,
        coalesce(moved.moved_on, spells.closed_on) as left_on,
        case
            when moved.place > 1 then 'pulled_in'
            when spells.is_merged_in then 'merged_in'
            when spells.spell_number = 1 then 'created'
            else 'reopened'
        end as came_as,
        case when moved.moved_on is null then spells.outcome else 'pushed_out' end as left_as,
        -- changes of the day on which it moves belong to where it comes
        case
            when moved.moved_on is not null then moved.moved_on - 1
            else spells.last_on
        end as changes_until_on,
        spells.opening_amount,
        spells.closing_amount,
        deals.amount,
        deals.reporting_rate
    from moved
    inner join spells
        on moved.deal_key = spells.deal_key
        and moved.spell_number = spells.spell_number
    inner join {{ ref('fct_deals') }} as deals on moved.deal_key = deals.deal_key
),

amounts as (
    select * from {{ ref('int_amount_stretches') }}
)

select
    stays.deal_key,
    stays.source,
    stays.pipeline,
    stays.due_quarter,
    stays.came_on,
    stays.came_as,
    stays.left_on,
    stays.left_as,
    stays.changes_until_on,
    coalesce(
        case
            when stays.came_as = 'pulled_in'
                then {{ amount_reporting_in('at_coming', 'stays.amount', 'stays.reporting_rate') }}
            else stays.opening_amount
        end,
        0
    ) as came_amount,
    coalesce(
        case
            when stays.left_as = 'pushed_out'
                then {{ amount_reporting_in('at_leaving', 'stays.amount', 'stays.reporting_rate') }}
            else stays.closing_amount
        end,
        0
    ) as left_amount
from stays
left join amounts as at_coming
    on stays.deal_key = at_coming.deal_key
    and stays.came_on >= at_coming.from_on
    and stays.came_on < at_coming.until_on
left join amounts as at_leaving
    on stays.deal_key = at_leaving.deal_key
    and stays.changes_until_on >= at_leaving.from_on
    and stays.changes_until_on < at_leaving.until_on
