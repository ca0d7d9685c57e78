{{ staged_rows(
    entity='activities',
    columns={
        'activity_id': 'text',
        'activity_type': 'text',
        'subject': 'text',
        'direction': 'text',
        'deal_id': 'text',
        'lead_id': 'text',
        'account_id': 'text',
        'owner_id': 'text',
        'created_at': 'timestamp',
        'due_at': 'timestamp',
        'completed_at': 'timestamp',
        'is_done': 'boolean',
        'is_deleted': 'boolean',
    },
    required=['activity_id'],
    windows={
        'first_done_delivered_at': "min(extracted_at) filter (where is_done)",
    },
) }}
