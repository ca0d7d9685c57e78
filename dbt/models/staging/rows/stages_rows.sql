{{ staged_rows(
    entity='stages',
    columns={
        'stage_id': 'text',
        'stage_name': 'text',
        'pipeline': 'text',
    },
    required=['stage_id', 'stage_name'],
) }}
