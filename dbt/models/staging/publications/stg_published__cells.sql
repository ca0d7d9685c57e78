select * from {{ source('lake', 'published_cells') }}
