select * from {{ source('config', 'delivered_columns') }}
