{{ staged_rows(
    entity='deal_versions',
    columns={
        'version_id': 'text',
        'deal_id': 'text',
        'version_at': 'timestamp',
        'pipeline': 'text',
        'stage': 'text',
        'from_stage': 'text',
        'amount': 'amount',
        'currency': 'currency',
        'owner_id': 'text',
        'expected_close_on': 'date',
        'is_deleted': 'boolean',
    },
    required=['deal_id', 'stage', 'version_at'],
    latest=false,
    same_event=['deal_id', 'version_id', 'version_at', 'stage', 'amount', 'expected_close_on'],
) }}
