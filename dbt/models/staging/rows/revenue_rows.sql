{{ staged_rows(
    entity='revenue',
    columns={
        'account_id': 'text',
        'revenue_on': 'date',
        'service_from': 'date',
        'service_to': 'date',
        'amount': 'amount',
        'currency': 'currency',
        'line_id': 'text',
        'is_deleted': 'boolean',
    },
    required=['account_id', 'amount', 'revenue_on'],
    unless={'revenue_on': 'service_from <= service_to'},
    latest=false,
    same_event=[
        'account_id', 'revenue_on', 'service_from', 'service_to', 'amount', 'currency', 'line_id', 'is_deleted',
    ],
) }}
