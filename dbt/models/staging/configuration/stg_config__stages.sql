select * from {{ source('config', 'stages') }}
