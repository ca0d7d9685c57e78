select * from {{ source('lake', 'published_night') }}
