{{ staged_rows(
    entity='spend',
    columns={
        'spent_on': 'date',
        'amount': 'amount',
        'currency': 'currency',
        'campaign': 'text',
        'pipeline': 'text',
        'owner_id': 'text',
        'segment': 'text',
        'lead_source': 'text',
        'is_deleted': 'boolean',
    },
    required=['spent_on', 'amount'],
    latest=false,
    same_event=['spent_on', 'amount', 'currency', 'campaign', 'pipeline', 'owner_id', 'segment', 'lead_source', 'is_deleted'],
) }}
