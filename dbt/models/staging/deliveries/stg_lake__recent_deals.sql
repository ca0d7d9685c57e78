select * from {{ source('lake', 'recent_deals') }}
