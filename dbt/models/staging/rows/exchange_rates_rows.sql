{{ staged_rows(
    'exchange_rates',
    same_event=['currency', 'rate_on'],
    last_counts=true,
    since_ever=['rate_on'],
) }}
