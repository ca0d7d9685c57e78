{{ staged_rows(
    'deal_changes',
    same_event=['deal_id', 'field', 'changed_at', 'new_value'],
    readings=['changed_dates', 'changed_amounts'],
) }}
