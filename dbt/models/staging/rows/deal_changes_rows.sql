{{ staged_rows(
    entity='deal_changes',
    columns={
        'deal_id': 'text',
        'field': 'text',
        'old_value': 'text',
        'new_value': 'text',
        'value_kind': 'text',
        'changed_at': 'timestamp',
        'is_deleted': 'boolean',
    },
    required=['deal_id', 'field', 'changed_at'],
    latest=false,
    same_event=['deal_id', 'field', 'changed_at', 'new_value'],
    readings=['changed_dates', 'changed_amounts'],
) }}
