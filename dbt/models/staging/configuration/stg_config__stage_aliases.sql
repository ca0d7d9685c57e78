select * from {{ source('config', 'stage_aliases') }}
