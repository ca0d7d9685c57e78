select * from {{ source('config', 'feeds') }}
