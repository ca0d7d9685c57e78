-- Counts and won amounts of each grain add up to `all`, month by month; lead counts where the grain has leads.
{% set counts = ['opportunities_created', 'opportunities_created_won', 'deals_won', 'deals_lost', 'qualified_won',
    'qualified_lost', 'won_amount', 'won_deals_with_amount', 'deals_worked', 'new_customers'] %}
{% set lead_counts = ['new_leads', 'converted_leads', 'answered_leads', 'leads_unanswered'] %}

with summed as (
    select
        month,
        grain,
        {% for count in counts + lead_counts -%}
        sum({{ count }}) as {{ count }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('mart_monthly_metrics') }}
    group by
        month,
        grain
)

select
    summed.month,
    summed.grain
from summed
inner join summed as total
    on summed.month = total.month
    and total.grain = 'all'
where
    false
    {% for count in counts -%}
    or summed.{{ count }} != total.{{ count }}
    {% endfor -%}
    {% for count in lead_counts -%}
    or (summed.grain in ('all', 'source', 'owner', 'lead_source') and summed.{{ count }} != total.{{ count }})
    {% endfor %}
