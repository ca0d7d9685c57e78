with revenue_rows as (
    select * from {{ ref('revenue_rows') }}
),

feeds as (
    select * from {{ ref('stg_config__feeds') }}
),

lines as (
    select
        revenue_rows.source,
        {{ first_id('revenue_rows.account_id', 'feeds.id_separator') }} as account_id,
        revenue_rows.revenue_on,
        -- a period that ends before it begins is none
        case when revenue_rows.service_from <= revenue_rows.service_to then revenue_rows.service_from end
            as service_from,
        case when revenue_rows.service_from <= revenue_rows.service_to then revenue_rows.service_to end
            as service_to,
        revenue_rows.amount,
        coalesce(revenue_rows.currency, feeds.currency) as currency
    from revenue_rows
    inner join feeds
        on revenue_rows.source = feeds.source
        and revenue_rows.feed = feeds.feed
    where
        revenue_rows.row_state = 'current'
        and revenue_rows.is_deleted is not true
),

earned as (
    select
        source,
        concat_ws('', source, ':', account_id) as account_key,
        account_id,
        amount,
        currency,
        coalesce(revenue_on, service_from) as rate_wanted_on,
        coalesce(service_from, revenue_on) as earned_from,
        coalesce(service_to, revenue_on) as earned_to
    from lines
)

{{ in_reporting_currency('earned', 'rate_wanted_on') }}
