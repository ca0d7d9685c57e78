select * from {{ source('lake', 'rebuilt_records') }}
