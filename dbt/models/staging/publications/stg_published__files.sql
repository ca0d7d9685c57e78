select * from {{ source('lake', 'published_files') }}
