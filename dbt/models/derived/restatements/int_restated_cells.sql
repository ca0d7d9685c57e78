-- The cells that are not what the last publication said, with the parts of their metrics before and now.
{% set means = parts_of_means() %}

with changed as (
    select * from {{ ref('int_restated_figures') }}
),

months as (
    select
        month,
        is_complete_month
    from {{ ref('stg_published__cells') }}
    where grain = 'all'
),

-- how many deals a mean of cycles is of is no column
won as (
    {%- for side, relation in {'before': ref('stg_published__records'), 'now': ref('int_metric_records')}.items() %}
    {%- for grain, value in restated_grains().items() %}
    select
        {{ month_of('closed_on') }} as month,
        '{{ grain }}' as grain,
        {{ value }} as grain_value,
        {{ 1 if side == 'before' else 0 }} as before,
        {{ 1 if side == 'now' else 0 }} as now
    from {{ relation }}
    where
        entity = 'deals'
        and status = 'won'
        and sales_cycle_days is not null
        and {{ month_of('closed_on') }} in (select month from changed)
    union all
    {%- endfor %}
    {%- endfor %}
    select
        month,
        grain,
        grain_value,
        0 as before,
        0 as now
    from changed
),

cycles as (
    select
        month,
        grain,
        grain_value,
        cast(sum(before) as double) as won_deals_with_cycle_before,
        cast(sum(now) as double) as won_deals_with_cycle_now
    from won
    group by
        month,
        grain,
        grain_value
)

select
    changed.*,
    months.is_complete_month,
    {%- for side in ['before', 'now'] %}
    cycles.won_deals_with_cycle_{{ side }},
    {%- for part, (mean, number) in means.items() %}
    coalesce(changed.{{ mean }}_{{ side }}, 0)
    * coalesce({{ 'cycles' if number == 'won_deals_with_cycle' else 'changed' }}.{{ number }}_{{ side }}, 0)
        as {{ part }}_{{ side }}{{ ',' if not loop.last }}
    {%- endfor %}
    {{- ',' if not loop.last }}
    {%- endfor %}
from changed
inner join months on changed.month = months.month
inner join cycles
    on {{ same_cell('changed', 'cycles') }}
