select * from {{ source('config', 'sources') }}
