{{ staged_rows(
    'revenue',
    unless={'revenue_on': 'service_from <= service_to'},
) }}
