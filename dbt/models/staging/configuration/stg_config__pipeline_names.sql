select * from {{ source('config', 'pipeline_names') }}
