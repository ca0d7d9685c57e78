select * from {{ source('config', 'run') }}
