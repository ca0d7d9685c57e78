{%- set grains = {
    'all': "'all'", 'source': 'source', 'pipeline': "concat_ws('', source, ':', pipeline)", 'owner': 'owner_key', 'team': 'team'
} %}
{%- set past_quarters = [1, 2, 3, 4] %}
with run as (
    select
        *,
        {{ fiscal_quarter_of('as_of_date', 'fiscal_year_starts') }} as quarter_start
    from {{ ref('stg_config__run') }}
),

quarters as (
    select
        quarter_start,
        min(quarter_end) as quarter_end,
        min(fiscal_year) as fiscal_year,
        min(fiscal_quarter) as fiscal_quarter,
        min(is_complete_quarter) as is_complete_quarter
    from {{ ref('int_quarters') }}
    group by quarter_start
),

deals as (
    select
        deals.deal_key,
        deals.source,
        deals.pipeline,
        deals.owner_key,
        owners.team,
        deals.status,
        coalesce(deals.amount_reporting, 0) as amount,
        deals.closed_on,
        {{ fiscal_quarter_of('deals.closed_on', 'run.fiscal_year_starts') }} as closed_quarter,
        {{ fiscal_quarter_of('deals.expected_close_on', 'run.fiscal_year_starts') }} as due_quarter,
        odds.combined_won_this_quarter as p_won,
        -- never quite 0 or 1 after so few deals (Jeffreys)
        (odds.combined_won_this_quarter * odds.followed + 0.5) / (odds.followed + 1) as cautious_p_won
    from {{ ref('fct_deals') }} as deals
    cross join run
    left join {{ ref('dim_owners') }} as owners on deals.owner_key = owners.owner_key
    left join {{ ref('int_deal_odds') }} as odds on deals.deal_key = odds.deal_key
    where deals.status != 'deleted'
),

-- how far this quarter has come, and the same day of the four before it
same_days as (
    {%- for back in past_quarters %}
    select
        {{ back }} as back,
        {{ add_months('quarter_start', -3 * back) }} as quarter_start,
        least(
            cast({{ add_months('quarter_start', -3 * back) }}
            + cast({{ days_between('quarter_start', 'as_of_date') }} as integer) as date),
            cast({{ add_months('quarter_start', 3 - 3 * back) }} - interval 1 day as date)
        ) as same_day
    from run
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

owners_then as (
    {{ value_stretches('owner') }}
),

due_then as (
    select
        same_days.back,
        stays.source,
        stays.pipeline,
        case when owners_then.deal_key is not null then owners_then.value else deals.owner_key end as owner_key,
        coalesce(
            case
                when amounts.deal_key is null then {{ at_rate('deals.amount', 'deals.reporting_rate') }}
                else amounts.amount_reporting
            end,
            0
        ) as amount
    from same_days
    inner join {{ ref('int_due_stretches') }} as stays
        on same_days.quarter_start = stays.due_quarter
        and same_days.same_day >= stays.came_on
        and (stays.left_on is null or same_days.same_day < stays.left_on)
    inner join {{ ref('fct_deals') }} as deals on stays.deal_key = deals.deal_key
    left join owners_then
        on stays.deal_key = owners_then.deal_key
        and same_days.same_day >= owners_then.from_on
        and same_days.same_day < owners_then.until_on
    left join {{ ref('int_amount_stretches') }} as amounts
        on stays.deal_key = amounts.deal_key
        and same_days.same_day >= amounts.from_on
        and same_days.same_day < amounts.until_on
),

-- every figure by the quarter it is of
figures as (
    select
        closed_quarter as quarter_start,
        source,
        pipeline,
        owner_key,
        team,
        case when status = 'won' then amount end as won_amount,
        case when status = 'won' then 1 end as won_deals,
        amount as closed_amount,
        cast(null as decimal(18, 2)) as open_due_amount,
        cast(null as double) as to_come,
        cast(null as double) as variance
        {%- for back in past_quarters %},
        cast(null as decimal(18, 2)) as won_amount_q{{ back }},
        cast(null as decimal(18, 2)) as open_due_amount_q{{ back }}
        {%- endfor %}
    from deals
    where closed_quarter is not null

    union all

    select
        due_quarter as quarter_start,
        source,
        pipeline,
        owner_key,
        team,
        null as won_amount,
        null as won_deals,
        null as closed_amount,
        amount as open_due_amount,
        null as to_come,
        null as variance
        {%- for back in past_quarters %},
        null as won_amount_q{{ back }},
        null as open_due_amount_q{{ back }}
        {%- endfor %}
    from deals
    where
        status = 'open'
        and due_quarter is not null

    union all

    select
        run.quarter_start,
        deals.source,
        deals.pipeline,
        deals.owner_key,
        deals.team,
        null as won_amount,
        null as won_deals,
        null as closed_amount,
        null as open_due_amount,
        cast(deals.amount as double) * deals.p_won as to_come,
        cast(deals.amount as double) * deals.amount * deals.cautious_p_won * (1 - deals.cautious_p_won) as variance
        {%- for back in past_quarters %},
        null as won_amount_q{{ back }},
        null as open_due_amount_q{{ back }}
        {%- endfor %}
    from deals
    cross join run
    where deals.status = 'open'

    union all

    select
        run.quarter_start,
        deals.source,
        deals.pipeline,
        deals.owner_key,
        deals.team,
        null as won_amount,
        null as won_deals,
        null as closed_amount,
        null as open_due_amount,
        null as to_come,
        null as variance
        {%- for back in past_quarters %},
        case when same_days.back = {{ back }} then deals.amount end as won_amount_q{{ back }},
        null as open_due_amount_q{{ back }}
        {%- endfor %}
    from deals
    cross join run
    inner join same_days
        on deals.closed_quarter = same_days.quarter_start
        and deals.closed_on <= same_days.same_day
    where deals.status = 'won'

    union all

    select
        run.quarter_start,
        due_then.source,
        due_then.pipeline,
        due_then.owner_key,
        owners.team,
        null as won_amount,
        null as won_deals,
        null as closed_amount,
        null as open_due_amount,
        null as to_come,
        null as variance
        {%- for back in past_quarters %},
        null as won_amount_q{{ back }},
        case when due_then.back = {{ back }} then due_then.amount end as open_due_amount_q{{ back }}
        {%- endfor %}
    from due_then
    cross join run
    left join {{ ref('dim_owners') }} as owners on due_then.owner_key = owners.owner_key
),

added_up as (
    {%- for grain, value in grains.items() %}
    select
        quarter_start,
        '{{ grain }}' as grain,
        {{ value }} as grain_value,
        {%- for figure in ['won_amount', 'won_deals', 'closed_amount', 'open_due_amount', 'to_come', 'variance'] %}
        sum({{ figure }}) as {{ figure }},
        {%- endfor %}
        {%- for back in past_quarters %}
        sum(won_amount_q{{ back }}) as won_amount_q{{ back }},
        sum(open_due_amount_q{{ back }}) as open_due_amount_q{{ back }}{{ ',' if not loop.last }}
        {%- endfor %}
    from figures
    group by
        quarter_start{% if grain != 'all' %},
        {{ value }}{% endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- every grain value has every quarter
grain_values as (
    select
        grain,
        grain_value
    from (
        {%- for grain, value in grains.items() if grain != 'all' %}
        select
            '{{ grain }}' as grain,
            {{ value }} as grain_value
        from deals
        union all
        {%- endfor %}
        select
            grain,
            grain_value
        from added_up
        union all
        select
            grain,
            grain_value
        from {{ ref('int_quarter_targets') }}
    ) as met
    group by
        grain,
        grain_value
),

joined as (
    select
        quarters.quarter_start,
        quarters.fiscal_year,
        quarters.fiscal_quarter,
        quarters.is_complete_quarter,
        grain_values.grain,
        grain_values.grain_value,
        targets.target,
        coalesce(added_up.won_amount, 0) as won_amount,
        coalesce(added_up.won_deals, 0) as won_deals,
        coalesce(added_up.closed_amount, 0) as closed_amount,
        coalesce(added_up.open_due_amount, 0) as open_due_amount,
        coalesce(added_up.to_come, 0) as to_come,
        coalesce(added_up.variance, 0) as variance
        {%- for back in past_quarters %},
        case when quarters.quarter_start = run.quarter_start then coalesce(added_up.won_amount_q{{ back }}, 0) end
            as won_amount_q{{ back }},
        case when quarters.quarter_start = run.quarter_start then coalesce(added_up.open_due_amount_q{{ back }}, 0) end
            as open_due_amount_q{{ back }}
        {%- endfor %}
    from quarters
    cross join grain_values
    cross join run
    left join {{ ref('int_quarter_targets') }} as targets
        on quarters.quarter_start = targets.quarter_start
        and grain_values.grain = targets.grain
        and grain_values.grain_value = targets.grain_value
    left join added_up
        on quarters.quarter_start = added_up.quarter_start
        and grain_values.grain = added_up.grain
        and coalesce(concat_ws('', 'is ', grain_values.grain_value), 'none')
        = coalesce(concat_ws('', 'is ', added_up.grain_value), 'none')
),

judged as (
    select
        *,
        case when target is not null then greatest(target - won_amount, 0) end as gap,
        {{ ratio('sum(won_amount) over year_before', 'sum(closed_amount) over year_before') }} as win_rate_by_amount,
        cast(won_amount as double) as won,
        1.2816 * sqrt(variance) as width
    from joined
    window year_before as (
        partition by grain, grain_value
        order by quarter_start
        rows between 4 preceding and 1 preceding
    )
)

select
    quarter_start,
    fiscal_year,
    fiscal_quarter,
    is_complete_quarter,
    grain,
    grain_value,
    -- what is wanted, what is there
    target,
    cast(won_amount as decimal(18, 2)) as won_amount,
    cast(won_deals as bigint) as won_deals,
    cast(gap as decimal(18, 2)) as gap,
    cast(open_due_amount as decimal(18, 2)) as open_due_amount,
    {{ ratio('open_due_amount', 'gap') }} as coverage,
    -- what is to be expected
    {{ to_the_cent('won + to_come') }} as outlook_amount,
    -- amounts below zero are legal: of those to come there is no floor then
    {{ to_the_cent('won + case when to_come >= 0 then greatest(0, to_come - width) else to_come - width end') }}
        as outlook_low,
    {{ to_the_cent('won + to_come + width') }} as outlook_high,
    win_rate_by_amount,
    {{ to_the_cent('cast(gap as double) / nullif(win_rate_by_amount, 0)') }} as needed_amount,
    -- at the same day of the four quarters before
    {%- for back in past_quarters %}
    cast(won_amount_q{{ back }} as decimal(18, 2)) as won_amount_q{{ back }},
    {%- endfor %}
    {%- for back in past_quarters %}
    cast(open_due_amount_q{{ back }} as decimal(18, 2)) as open_due_amount_q{{ back }}{{ ',' if not loop.last }}
    {%- endfor %}
from judged
