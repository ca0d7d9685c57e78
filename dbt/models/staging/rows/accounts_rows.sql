{{ staged_rows(
    entity='accounts',
    columns={
        'account_id': 'text',
        'account_name': 'text',
        'segment': 'text',
        'owner_id': 'text',
        'is_deleted': 'boolean',
    },
    required=['account_id'],
) }}
