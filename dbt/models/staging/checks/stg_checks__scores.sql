select * from {{ source('lake', 'recorded_scores') }}
