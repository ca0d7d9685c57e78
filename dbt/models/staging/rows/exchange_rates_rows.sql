{{ staged_rows(
    entity='exchange_rates',
    columns={
        'rate_on': 'date',
        'currency': 'text',
        'rate': 'number',
        'valid_until': 'date',
    },
    required=['rate_on', 'currency', 'rate'],
    latest=false,
    same_event=['currency', 'rate_on'],
    last_counts=true,
    since_ever=['rate_on'],
) }}
