{{ staged_rows(
    entity='stages',
    columns={
        'stage_id': 'text',
        'stage_name': 'text',
        'pipeline': 'text',
        'stage_order': 'number',
        'win_probability': 'number',
        'is_won': 'boolean',
        'is_lost': 'boolean',
        'canonical_stage': 'text',
    },
    required=['stage_id', 'stage_name'],
) }}
