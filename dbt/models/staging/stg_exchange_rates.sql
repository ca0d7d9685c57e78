with rate_rows as (
    select * from {{ ref('exchange_rates_rows') }}
),

feeds as (
    select * from {{ ref('stg_config__feeds') }}
),

-- rates are the same whichever source tells them: the newest delivery's word counts
ranked as (
    select
        upper(rate_rows.currency) as currency,
        rate_rows.rate_on,
        rate_rows.valid_until,
        case when feeds.is_rate_per_unit then rate_rows.rate else 1 / rate_rows.rate end as rate,
        row_number() over (
            partition by upper(rate_rows.currency), rate_rows.rate_on
            order by rate_rows.extracted_at desc, rate_rows.source, rate_rows.file_id desc, rate_rows.file_position desc
        ) as place
    from rate_rows
    inner join feeds
        on rate_rows.source = feeds.source
        and rate_rows.feed = feeds.feed
    where
        rate_rows.row_state = 'current'
        and rate_rows.rate > 0
)

select
    currency,
    rate_on,
    rate,
    valid_until,
    lead(rate_on) over (partition by currency order by rate_on) as next_rate_on
from ranked
where place = 1
