select * from {{ source('lake', 'published_records') }}
