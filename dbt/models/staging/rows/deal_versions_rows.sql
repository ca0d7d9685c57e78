{{ staged_rows(
    'deal_versions',
    same_event=['deal_id', 'version_id', 'version_at', 'stage', 'amount', 'expected_close_on'],
) }}
