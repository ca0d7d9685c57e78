{%- set movements = [
    'created', 'reopened', 'pulled_in', 'increased', 'decreased', 'pushed_out', 'won', 'lost', 'deleted', 'merged'
] %}
with stays as (
    select * from {{ ref('int_due_stretches') }}
),

deals as (
    select
        deal_key,
        amount,
        reporting_rate
    from {{ ref('fct_deals') }}
),

amounts as (
    select
        amounts.deal_key,
        amounts.from_on,
        amounts.until_on,
        coalesce({{ amount_reporting_in('amounts', 'deals.amount', 'deals.reporting_rate') }}, 0) as amount
    from {{ ref('int_amount_stretches') }} as amounts
    inner join deals on amounts.deal_key = deals.deal_key
),

amount_changes as (
    select
        *,
        amount - lag(amount) over (partition by deal_key order by from_on) as change
    from amounts
),

-- each quarter of a pipeline twice: what was due in it, and what was due in none
rows_wanted as (
    select
        quarters.*,
        true as has_expected_close
    from {{ ref('int_quarters') }} as quarters

    union all

    select
        quarters.*,
        false as has_expected_close
    from {{ ref('int_quarters') }} as quarters
),

-- every stay in each quarter's row that it touches
standing as (
    select
        rows_wanted.source,
        rows_wanted.pipeline,
        rows_wanted.quarter_start,
        rows_wanted.quarter_end,
        rows_wanted.has_expected_close,
        stays.deal_key,
        stays.came_on,
        stays.came_as,
        stays.came_amount,
        stays.left_on,
        stays.left_as,
        stays.left_amount,
        stays.changes_until_on
    from rows_wanted
    inner join stays
        on rows_wanted.source = stays.source
        and rows_wanted.pipeline = stays.pipeline
        and coalesce(stays.due_quarter, rows_wanted.quarter_start) = rows_wanted.quarter_start
        and rows_wanted.has_expected_close = (stays.due_quarter is not null)
        and rows_wanted.quarter_end >= stays.came_on
        and (stays.left_on is null or rows_wanted.quarter_start <= stays.left_on)
),

-- what it was worth the evening before the quarter, and on its last one
at_ends as (
    select
        standing.*,
        coalesce(
            case
                when opening.deal_key is null then {{ at_rate('deals.amount', 'deals.reporting_rate') }}
                else opening.amount
            end,
            0
        ) as opening_worth,
        coalesce(
            case
                when closing.deal_key is null then {{ at_rate('deals.amount', 'deals.reporting_rate') }}
                else closing.amount
            end,
            0
        ) as closing_worth
    from standing
    inner join deals on standing.deal_key = deals.deal_key
    left join amounts as opening
        on standing.deal_key = opening.deal_key
        and standing.quarter_start > opening.from_on
        and standing.quarter_start <= opening.until_on
    left join amounts as closing
        on standing.deal_key = closing.deal_key
        and standing.quarter_end >= closing.from_on
        and standing.quarter_end < closing.until_on
),

changes_by_deal as (
    select
        standing.source,
        standing.pipeline,
        standing.quarter_start,
        standing.has_expected_close,
        standing.deal_key,
        sum(case when amount_changes.change > 0 then amount_changes.change end) as increased,
        -sum(case when amount_changes.change < 0 then amount_changes.change end) as decreased
    from standing
    inner join amount_changes
        on standing.deal_key = amount_changes.deal_key
        and standing.came_on < amount_changes.from_on
        and standing.changes_until_on >= amount_changes.from_on
        and standing.quarter_start <= amount_changes.from_on
        and standing.quarter_end >= amount_changes.from_on
    group by
        standing.source,
        standing.pipeline,
        standing.quarter_start,
        standing.has_expected_close,
        standing.deal_key
),

moves as (
    select
        source,
        pipeline,
        quarter_start,
        has_expected_close,
        'opening' as movement,
        1 as deals,
        opening_worth as amount
    from at_ends
    where came_on < quarter_start

    union all

    select
        source,
        pipeline,
        quarter_start,
        has_expected_close,
        case came_as when 'merged_in' then 'merged' else came_as end as movement,
        1 as deals,
        came_amount as amount
    from at_ends
    where came_on >= quarter_start

    union all

    select
        source,
        pipeline,
        quarter_start,
        has_expected_close,
        left_as as movement,
        -- of a merge the net effect, as in mart_pipeline_movements
        case left_as when 'merged' then -1 else 1 end as deals,
        case left_as when 'merged' then -left_amount else left_amount end as amount
    from at_ends
    where left_on <= quarter_end

    union all

    select
        source,
        pipeline,
        quarter_start,
        has_expected_close,
        'closing' as movement,
        1 as deals,
        closing_worth as amount
    from at_ends
    where
        left_on is null
        or left_on > quarter_end
    {%- for direction in ['increased', 'decreased'] %}

    union all

    select
        source,
        pipeline,
        quarter_start,
        has_expected_close,
        '{{ direction }}' as movement,
        1 as deals,
        {{ direction }} as amount
    from changes_by_deal
    where {{ direction }} is not null
    {%- endfor %}
),

added_up as (
    select
        source,
        pipeline,
        quarter_start,
        has_expected_close,
        {%- for movement in ['opening'] + movements + ['closing'] %}
        sum(case when movement = '{{ movement }}' then deals end) as {{ movement }}_deals,
        sum(case when movement = '{{ movement }}' then amount end) as {{ movement }}_amount{{ ',' if not loop.last }}
        {%- endfor %}
    from moves
    group by
        source,
        pipeline,
        quarter_start,
        has_expected_close
)

select
    rows_wanted.quarter_start,
    rows_wanted.fiscal_year,
    rows_wanted.fiscal_quarter,
    rows_wanted.source,
    rows_wanted.pipeline,
    rows_wanted.has_expected_close,
    rows_wanted.is_complete_quarter,
    -- in deals
    {%- for movement in ['opening'] + movements + ['closing'] %}
    cast(coalesce(added_up.{{ movement }}_deals, 0) as bigint) as {{ movement }}_deals,
    {%- endfor %}
    -- in reporting currency
    {%- for movement in ['opening'] + movements + ['closing'] %}
    cast(coalesce(added_up.{{ movement }}_amount, 0) as decimal(18, 2))
        as {{ movement }}_amount{{ ',' if not loop.last }}
    {%- endfor %}
from rows_wanted
left join added_up
    on rows_wanted.source = added_up.source
    and rows_wanted.pipeline = added_up.pipeline
    and rows_wanted.quarter_start = added_up.quarter_start
    and rows_wanted.has_expected_close = added_up.has_expected_close
