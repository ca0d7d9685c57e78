{{ staged_rows(
    'deals',
    unless={'stage': 'not _needs_stage'},
    readings=['stage_dates'],
) }}
