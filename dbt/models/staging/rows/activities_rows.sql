{{ staged_rows(
    'activities',
    first_when={'first_done_delivered_at': 'coalesce(is_done, completed_at is not null)'},
    days_told=['created_at', 'due_at', 'completed_at'],
) }}
