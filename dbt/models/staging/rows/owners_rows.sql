{{ staged_rows(
    entity='owners',
    columns={
        'owner_id': 'text',
        'owner_name': 'text',
        'email': 'text',
        'is_active': 'boolean',
    },
    required=['owner_id'],
) }}
