-- What the last publication said of a month, and is said otherwise now, stands among the restatements.
{% set metrics = ['new_leads', 'converted_leads', 'lead_conversion_rate', 'response_hours', 'opportunities_created',
    'deals_won', 'deals_lost', 'win_rate', 'won_amount', 'avg_deal_size', 'sales_cycle_days', 'deals_worked',
    'pipeline_velocity_per_day', 'new_customers', 'spend', 'cac'] %}

select
    changed.month,
    changed.grain,
    changed.grain_value,
    changed.metric
from (
    {%- for metric in metrics %}
    select
        mart.month,
        mart.grain,
        mart.grain_value,
        '{{ metric }}' as metric
    from {{ ref('mart_monthly_metrics') }} as mart
    inner join {{ ref('stg_published__cells') }} as told
        on mart.month = told.month
        and mart.grain = told.grain
        and mart.grain_value is not distinct from told.grain_value
    where not {{ is_same_value('mart.' ~ metric, 'told.' ~ metric) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
) as changed
left join {{ ref('restatements') }} as restated
    on changed.month = restated.month
    and changed.metric = restated.metric
    and changed.grain = restated.grain
    and changed.grain_value is not distinct from restated.grain_value
where restated.metric is null
