{{ staged_rows(
    entity='exchange_rates',
    columns={
        'rate_on': 'date',
        'currency': 'text',
        'rate': 'number',
    },
    required=['rate_on', 'currency', 'rate'],
    latest=false,
    same_event=['currency', 'rate_on'],
) }}
