{{ staged_rows(
    entity='leads',
    columns={
        'lead_id': 'text',
        'lead_name': 'text',
        'company': 'text',
        'email': 'text',
        'owner_id': 'text',
        'lead_source': 'text',
        'status': 'text',
        'created_at': 'timestamp',
        'is_converted': 'boolean',
        'converted_at': 'timestamp',
        'converted_deal_id': 'text',
        'is_deleted': 'boolean',
    },
    required=['lead_id'],
) }}
