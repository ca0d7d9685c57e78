select
    -- whom it was for
    spend.source,
    case when spend.pipeline_name is not null then names.pipeline end as pipeline,
    spend.owner_key,
    spend.segment,
    spend.lead_source,
    spend.campaign,
    -- when and how much
    spend.spent_on,
    cast(spend.amount as decimal(18, 2)) as amount,
    nullif(spend.currency, {{ unreadable_currency() }}) as currency,
    spend.amount_reporting
from {{ ref('stg_spend') }} as spend
left join {{ ref('int_pipeline_names') }} as names
    on spend.source = names.source
    and spend.pipeline_name = names.pipeline_name
