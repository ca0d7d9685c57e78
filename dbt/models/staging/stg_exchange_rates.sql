with rate_rows as (
    select * from {{ ref('exchange_rates_rows') }}
),

-- rates are the same whichever source tells them: the newest delivery's word counts
ranked as (
    select
        upper(currency) as currency,
        rate_on,
        rate,
        row_number() over (
            partition by upper(currency), rate_on
            order by extracted_at desc, source, file_id, file_position desc
        ) as place
    from rate_rows
    where
        row_state = 'current'
        and rate > 0
)

select
    currency,
    rate_on,
    rate,
    lead(rate_on) over (partition by currency order by rate_on) as next_rate_on
from ranked
where place = 1
