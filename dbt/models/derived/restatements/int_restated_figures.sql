-- The cells of mart_monthly_metrics that are not what the last publication said, each metric before and now. By
-- itself: read several times, it is too much for Spark to plan as one query.
{% set parts = metric_parts() %}
{% set means = parts_of_means() %}
{% set metrics = [] %}
{% for part in parts %}
    {%- if part not in means and part != 'won_deals_with_cycle' %}{% do metrics.append(part) %}{% endif %}
{%- endfor %}
{% for metric in (metric_quotients().keys() | list) + (metrics_without_parts().keys() | list) %}
    {%- do metrics.append(metric) %}
{%- endfor %}
{# what of nothing is 0, and not unknown #}
{% set counts = [] %}
{% for part in metrics if part in parts and part not in ('spend', 'spend_rows_without_rate') %}
    {%- do counts.append(part) %}
{%- endfor %}

with months as (
    select month
    from {{ ref('stg_published__cells') }}
    where grain = 'all'
),

marts as (
    select mart.*
    from {{ ref('mart_monthly_metrics') }} as mart
    inner join months on mart.month = months.month
),

paired as (
    select
        coalesce(told.month, mart.month) as month,
        coalesce(told.grain, mart.grain) as grain,
        coalesce(told.grain_value, mart.grain_value) as grain_value
        {%- for metric in metrics %},
        {% for side, other in {'told': 'mart', 'mart': 'told'}.items() -%}
        {%- set name = metric ~ ('_before' if side == 'told' else '_now') -%}
        {%- if metric in counts -%}
        -- of a value that one of the two does not know there was nothing
        case
            when {{ side }}.month is not null then cast({{ side }}.{{ metric }} as double)
            when {{ other }}.{{ metric }} is not null then 0
        end as {{ name }}
        {%- else -%}
        cast({{ side }}.{{ metric }} as double) as {{ name }}
        {%- endif %}{{ ',' if not loop.last }}
        {% endfor %}
        {%- endfor %}
    from {{ ref('stg_published__cells') }} as told
    full outer join marts as mart
        on {{ same_cell('told', 'mart') }}
)

select *
from paired
where
    false
    {%- for metric in metrics %}
    or not {{ is_same_value(metric ~ '_before', metric ~ '_now') }}
    {%- endfor %}
