select * from {{ source('lake', 'null_counts') }}
