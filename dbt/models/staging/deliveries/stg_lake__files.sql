select * from {{ source('lake', 'files') }}
