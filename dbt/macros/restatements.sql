{#
    What the monthly metrics are made of: parts that add up over records, and of each metric the value that its parts
    give. tests/unit/test_restated_metrics.py holds this against the columns of mart_monthly_metrics.
#}

{#
    Part → the month of the record it counts in (`created` or `closed`; `worked`: each from one to the other), of which
    entity, and what a record adds.
#}
{% macro metric_parts() -%}
    {{ return({
        'new_leads': ['created', 'leads', '1'],
        'converted_leads': ['created', 'leads', 'case when is_converted then 1 else 0 end'],
        'answered_leads': ['created', 'leads', 'case when response_hours is not null then 1 else 0 end'],
        'leads_answered_within_sla': ['created', 'leads', 'case when is_answered_within_sla then 1 else 0 end'],
        'leads_unanswered': ['created', 'leads', 'case when is_unanswered then 1 else 0 end'],
        'hours_to_response': ['created', 'leads', 'coalesce(response_hours, 0)'],
        'opportunities_created': ['created', 'deals', '1'],
        'opportunities_created_won': ['created', 'deals', "case when status = 'won' then 1 else 0 end"],
        'deals_worked': ['worked', 'deals', '1'],
        'deals_won': ['closed', 'deals', "case when status = 'won' then 1 else 0 end"],
        'deals_lost': ['closed', 'deals', "case when status = 'lost' then 1 else 0 end"],
        'qualified_won': ['closed', 'deals', "case when status = 'won' and is_qualified then 1 else 0 end"],
        'qualified_lost': ['closed', 'deals', "case when status = 'lost' and is_qualified then 1 else 0 end"],
        'won_amount': ['closed', 'deals', "case when status = 'won' then coalesce(amount_reporting, 0) else 0 end"],
        'won_deals_with_amount': ['closed', 'deals', "case when status = 'won' and amount_reporting is not null then 1 else 0 end"],
        'won_deals_with_cycle': ['closed', 'deals', 'case when sales_cycle_days is not null then 1 else 0 end'],
        'cycle_days': ['closed', 'deals', 'coalesce(sales_cycle_days, 0)'],
        'new_customers': ['closed', 'deals', 'case when is_first_win then 1 else 0 end'],
        'spend': ['created', 'spend', 'coalesce(amount_reporting, 0)'],
        'spend_rows_without_rate': ['created', 'spend', 'coalesce(rows_without_rate, 0)'],
    }) }}
{%- endmacro %}

{# Metrics that are a quotient of parts: numerator and denominator, each of parts. #}
{% macro metric_quotients() -%}
    {{ return({
        'lead_conversion_rate': ['converted_leads', 'new_leads'],
        'response_hours': ['hours_to_response', 'answered_leads'],
        'response_within_sla_rate': ['leads_answered_within_sla', 'answered_leads + leads_unanswered'],
        'deal_closure_rate': ['opportunities_created_won', 'opportunities_created'],
        'win_rate': ['deals_won', 'deals_won + deals_lost'],
        'win_loss_ratio': ['deals_won', 'deals_lost'],
        'opportunity_win_rate': ['qualified_won', 'qualified_won + qualified_lost'],
        'avg_deal_size': ['won_amount', 'won_deals_with_amount'],
        'sales_cycle_days': ['cycle_days', 'won_deals_with_cycle'],
        'pipeline_velocity_per_day': [
            'deals_worked * deals_won * won_amount * won_deals_with_cycle',
            '(deals_won + deals_lost) * won_deals_with_amount * cycle_days',
        ],
        'cac': ['spend', 'new_customers'],
    }) }}
{%- endmacro %}

{# Metrics that no parts of single records add up to → the parts by which a record has to do with them. #}
{% macro metrics_without_parts() -%}
    {{ return({
        'response_hours_median': ['answered_leads', 'hours_to_response'],
        'sales_cycle_days_median': ['won_deals_with_cycle', 'cycle_days'],
        'revenue_12_months': [],
        'active_customer_months': [],
        'active_months_before': [],
        'churned_customers': [],
        'clv': [],
        'clv_to_cac': ['spend', 'new_customers'],
    }) }}
{%- endmacro %}

{# Parts that are no column of the mart → the column of their mean, and the part that is their number. #}
{% macro parts_of_means() -%}
    {{ return({
        'hours_to_response': ['response_hours', 'answered_leads'],
        'cycle_days': ['sales_cycle_days', 'won_deals_with_cycle'],
    }) }}
{%- endmacro %}

{# Grain → its value in a record (int_metric_records); of fields that are grains, deals alone have one. #}
{% macro restated_grains() -%}
    {%- set grains = {
        'all': "'all'",
        'source': 'source',
        'pipeline': 'pipeline_value',
        'owner': 'owner_key',
        'segment': 'segment',
        'lead_source': 'lead_source',
    } -%}
    {%- for name in grain_fields() -%}{%- do grains.update({name: json_value('grain_fields', name)}) -%}{%- endfor -%}
    {{ return(grains) }}
{%- endmacro %}

{# Those fields of a deal that are grains, as one text. #}
{% macro fields_of_grains(fields) -%}
    {%- set kinds, texts = {}, {} -%}
    {%- for name in grain_fields() -%}
        {%- do kinds.update({name: fields_of('deals')[name]}) -%}
        {%- do texts.update({name: json_value(fields, name)}) -%}
    {%- endfor -%}
    {{ texts_as_json(kinds, texts) }}
{%- endmacro %}

{# Whether two values that were computed apart are the same: to 1e-9 of the larger. #}
{% macro is_same_value(one, other) -%}
    coalesce(
        abs(cast({{ one }} as double) - cast({{ other }} as double))
        <= 1e-9 * greatest(abs(cast({{ one }} as double)), abs(cast({{ other }} as double))),
        {{ one }} is null and {{ other }} is null
    )
{%- endmacro %}

{# Whether a column of a record is what it was. #}
{% macro same(column) -%}
    coalesce({{ column }}_before = {{ column }}_now, {{ column }}_before is null and {{ column }}_now is null)
{%- endmacro %}

{# What ended or began apart from the records that the lake still tells of. #}
{% macro cause_without_record() -%}
    case when is_configured_anew then 'configuration' when is_built_anew then 'software' else 'deleted' end
{%- endmacro %}

{# n! #}
{% macro factorial(n) -%}
    {%- set ns = namespace(product=1) -%}
    {%- for factor in range(2, n + 1) -%}{%- set ns.product = ns.product * factor -%}{%- endfor -%}
    {{ return(ns.product) }}
{%- endmacro %}

{#
    Shapley's weight of a coalition of so many of `causes`, in the value of one cause: with the cause in it, what it adds to
    the others; without it, what it would add to them (negative).
#}
{% macro shapley_weight(is_in, size, causes) -%}
    case
        {%- for k in range(1, 9) %}
        {%- for s in range(0, k + 1) %}
        {%- if s > 0 %}
        when {{ causes }} = {{ k }} and {{ size }} = {{ s }} and {{ is_in }}
            then cast({{ factorial(s - 1) * factorial(k - s) }} as double) / {{ factorial(k) }}
        {%- endif %}
        {%- if s < k %}
        when {{ causes }} = {{ k }} and {{ size }} = {{ s }} and not {{ is_in }}
            then -1 * cast({{ factorial(s) * factorial(k - s - 1) }} as double) / {{ factorial(k) }}
        {%- endif %}
        {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}

{# What names a figure, and what it was and is. #}
{% macro figure_of(cells, metric) -%}
    {{ cells }}.month,
    '{{ metric }}' as metric,
    {{ cells }}.grain,
    {{ cells }}.grain_value,
    {{ cells }}.is_complete_month,
    {{ cells }}.{{ metric }}_before as value_before,
    {{ cells }}.{{ metric }}_now as value_now
{%- endmacro %}

{# Whether a figure was known before, and is now: else there is no difference to share out. #}
{% macro is_known_twice(metric) -%}
    cells.{{ metric }}_before is not null and cells.{{ metric }}_now is not null
{%- endmacro %}

{# Whether rows of two relations are of one month and grain value. #}
{% macro same_cell(one, other) -%}
    {{ one }}.month = {{ other }}.month
    and {{ one }}.grain = {{ other }}.grain
    and {{ one }}.grain_value is not distinct from {{ other }}.grain_value
{%- endmacro %}
