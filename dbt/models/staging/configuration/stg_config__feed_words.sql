select * from {{ source('config', 'feed_words') }}
