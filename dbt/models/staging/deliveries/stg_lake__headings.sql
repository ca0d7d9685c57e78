select * from {{ source('lake', 'headings') }}
