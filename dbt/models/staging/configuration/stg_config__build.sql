select * from {{ source('config', 'build') }}
