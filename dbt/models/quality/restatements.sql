-- Sums by record: what the records of a cause add. Quotients: the Shapley value of each cause over the parts of
-- numerator and denominator, by every coalition of a cell's causes. An undefined quotient on the way counts 0.
{% set parts = metric_parts() %}
{% set quotients = metric_quotients() %}
{% set whole = metrics_without_parts() %}
{% set counts = [] %}
{% for part in parts if part not in parts_of_means() and part != 'won_deals_with_cycle' %}
    {%- do counts.append(part) %}
{%- endfor %}
{% set cell = ['month', 'grain', 'grain_value'] %}

with cells as (
    select * from {{ ref('int_restated_cells') }}
),

last_night as (
    select
        night.configuration != build.configuration as is_configured_anew,
        night.software != build.software as is_built_anew
    from {{ ref('stg_published__night') }} as night
    cross join {{ ref('stg_config__build') }} as build
),

told as (
    select
        month,
        grain,
        grain_value,
        cause
        {%- for part in parts %},
        sum({{ part }}) as {{ part }}
        {%- endfor %}
    from {{ ref('int_restated_parts') }}
    group by
        month,
        grain,
        grain_value,
        cause
),

-- what no record accounts for: rows that were forgotten since, or records that are read otherwise
left_over as (
    select
        cells.month,
        cells.grain,
        cells.grain_value
        {%- for part in parts %},
        coalesce(min(cells.{{ part }}_now), 0) - coalesce(min(cells.{{ part }}_before), 0)
        - coalesce(sum(told.{{ part }}), 0) as {{ part }}
        {%- endfor %}
    from cells
    left join told
        on {{ same_cell('cells', 'told') }}
    group by
        cells.month,
        cells.grain,
        cells.grain_value
),

caused as (
    select
        month,
        grain,
        grain_value,
        cause
        {%- for part in parts %},
        sum({{ part }}) as {{ part }}
        {%- endfor %}
    from (
        select
            month,
            grain,
            grain_value,
            cause
            {%- for part in parts %},
            {{ part }}
            {%- endfor %}
        from told

        union all

        select
            left_over.month,
            left_over.grain,
            left_over.grain_value,
            {{ cause_without_record() }} as cause
            {%- for part in parts %},
            left_over.{{ part }}
            {%- endfor %}
        from left_over
        cross join last_night
        where
            false
            {%- for part in parts %}
            or abs(left_over.{{ part }}) > 1e-6
            {%- endfor %}
    ) as of_records_and_without
    group by
        month,
        grain,
        grain_value,
        cause
),

-- only cells that changed, and the causes of each in one order
numbered as (
    select
        caused.*,
        row_number() over (
            partition by caused.month, caused.grain, caused.grain_value
            order by caused.cause
        ) as cause_number,
        count(*) over (partition by caused.month, caused.grain, caused.grain_value) as causes
    from caused
    inner join cells
        on {{ same_cell('caused', 'cells') }}
),

coalition_numbers as (
    select {{ numbers_to(255) }} as coalition
),

coalitions as (
    select
        numbered.month,
        numbered.grain,
        numbered.grain_value,
        coalition_numbers.coalition,
        sum(mod(floor(coalition_numbers.coalition / power(2, numbered.cause_number - 1)), 2)) as size
        {%- for part in parts %},
        sum(
            case
                when mod(floor(coalition_numbers.coalition / power(2, numbered.cause_number - 1)), 2) = 1
                    then numbered.{{ part }}
                else 0
            end
        ) as {{ part }}
        {%- endfor %}
    from numbered
    inner join coalition_numbers on coalition_numbers.coalition < power(2, numbered.causes)
    group by
        numbered.month,
        numbered.grain,
        numbered.grain_value,
        coalition_numbers.coalition
),

with_before as (
    select
        coalitions.month,
        coalitions.grain,
        coalitions.grain_value,
        coalitions.coalition,
        coalitions.size
        {%- for part in parts %},
        -- what adds up to nothing is nothing
        case
            when abs(coalesce(cells.{{ part }}_before, 0) + coalitions.{{ part }}) < 1e-7 then 0
            else coalesce(cells.{{ part }}_before, 0) + coalitions.{{ part }}
        end as {{ part }}
        {%- endfor %}
    from coalitions
    inner join cells
        on {{ same_cell('coalitions', 'cells') }}
),

valued as (
    select
        month,
        grain,
        grain_value,
        coalition,
        size
        {%- for metric, (numerator, denominator) in quotients.items() %},
        coalesce(({{ numerator }}) / nullif({{ denominator }}, 0), 0) as {{ metric }}
        {%- endfor %}
    from with_before
),

weighed as (
    select
        numbered.month,
        numbered.grain,
        numbered.grain_value,
        numbered.cause,
        valued.coalition,
        valued.size,
        numbered.causes,
        mod(floor(valued.coalition / power(2, numbered.cause_number - 1)), 2) = 1 as is_in
        {%- for metric in quotients %},
        valued.{{ metric }}
        {%- endfor %}
    from numbered
    inner join valued
        on {{ same_cell('numbered', 'valued') }}
),

shares as (
    select
        month,
        grain,
        grain_value,
        cause
        {%- for metric in quotients %},
        sum({{ metric }} * weight) as {{ metric }}
        {%- endfor %}
    from (
        select
            *,
            {{ shapley_weight('is_in', 'size', 'causes') }} as weight
        from weighed
    ) as with_weights
    group by
        month,
        grain,
        grain_value,
        cause
),

-- of what no parts add up to: the one cause that there is, where there is one
causes_of_whole as (
    {%- for metric, of_parts in whole.items() %}
    select
        month,
        grain,
        grain_value,
        '{{ metric }}' as metric,
        case when count(distinct cause) = 1 then min(cause) else 'several' end as cause
    from caused
    where
        false
        {%- for part in of_parts %}
        or abs({{ part }}) > 1e-9
        {%- endfor %}
    group by
        month,
        grain,
        grain_value
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

restated as (
    {%- for metric in counts %}
    select
        {{ figure_of('cells', metric) }},
        caused.cause,
        case when {{ is_known_twice(metric) }} then caused.{{ metric }} end as difference
    from cells
    inner join caused
        on {{ same_cell('cells', 'caused') }}
    where
        abs(caused.{{ metric }}) > 1e-9
        and (
            not {{ is_same_value('cells.' ~ metric ~ '_before', 'cells.' ~ metric ~ '_now') }}
        )
    union all
    {%- endfor %}
    {%- for metric, (numerator, denominator) in quotients.items() %}
    {%- set touched = [] %}
    {%- set words = (numerator ~ ' ' ~ denominator).replace('(', ' ').replace(')', ' ').split() %}
    {%- for part in parts if part in words %}
    {%- do touched.append(part) %}
    {%- endfor %}
    select
        {{ figure_of('cells', metric) }},
        caused.cause,
        case when {{ is_known_twice(metric) }} then shares.{{ metric }} end as difference
    from cells
    inner join caused
        on {{ same_cell('cells', 'caused') }}
    inner join shares
        on {{ same_cell('caused', 'shares') }}
        and caused.cause = shares.cause
    where
        not {{ is_same_value('cells.' ~ metric ~ '_before', 'cells.' ~ metric ~ '_now') }}
        and (
            false
            {%- for part in touched %}
            or abs(caused.{{ part }}) > 1e-9
            {%- endfor %}
        )
    union all
    {%- endfor %}
    {%- for metric in whole %}
    select
        {{ figure_of('cells', metric) }},
        coalesce(causes_of_whole.cause, 'several') as cause,
        cells.{{ metric }}_now - cells.{{ metric }}_before as difference
    from cells
    left join causes_of_whole
        on {{ same_cell('cells', 'causes_of_whole') }}
        and causes_of_whole.metric = '{{ metric }}'
    where not {{ is_same_value('cells.' ~ metric ~ '_before', 'cells.' ~ metric ~ '_now') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- unknown where it was nothing, or the other way round, has no record: money begins in another month, a source tells of
-- activities
changed as (
    {%- for metric in counts + (quotients.keys() | list) %}
    select
        {{ figure_of('cells', metric) }}
    from cells
    where not {{ is_same_value(metric ~ '_before', metric ~ '_now') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    month,
    metric,
    grain,
    grain_value,
    is_complete_month,
    value_before,
    value_now,
    cause,
    difference
from restated

union all

select
    changed.month,
    changed.metric,
    changed.grain,
    changed.grain_value,
    changed.is_complete_month,
    changed.value_before,
    changed.value_now,
    'several' as cause,
    changed.value_now - changed.value_before as difference
from changed
left join restated
    on changed.month = restated.month
    and changed.metric = restated.metric
    and changed.grain = restated.grain
    and changed.grain_value is not distinct from restated.grain_value
where restated.metric is null
