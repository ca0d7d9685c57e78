select * from {{ source('config', 'goals') }}
