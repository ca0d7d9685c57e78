-- Revenue and customers by month and grain value, of the twelve months that end with each; contiguous from the first
-- revenue of the value to the run's month.
{{ by_grain(ref('fct_customer_years'), 'month', 'customers', {
    'months_of_revenue': 'max(months_of_revenue)',
    'revenue': 'sum(revenue)',
    'lines_without_rate': 'sum(lines_without_rate)',
    'active_customer_months': 'sum(active_customer_months)',
    'active_months_before': 'sum(active_months_before)',
    'churned_customers': 'sum(churned_customers)',
}) }}
