select * from {{ source('checks', 'results') }}
