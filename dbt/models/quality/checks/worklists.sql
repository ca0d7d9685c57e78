with open_violations as (
    select
        owner_key,
        entity,
        record_key,
        case entity when 'deals' then record_key end as deal_key,
        case entity when 'leads' then record_key end as lead_key,
        min(source) as source,
        min(pipeline) as pipeline,
        min(severity) as severity, -- the worse comes first in the alphabet
        count(*) as violations,
        {{ listed('rule', 'rule') }} as rules,
        {{ listed('message', 'rule', '; ') }} as messages,
        min(first_seen_on) as first_seen_on
    from {{ ref('hygiene_violations') }}
    where resolved_on is null and severity in ('critical', 'warning') and entity not in ('deliveries', 'run')
    group by
        owner_key,
        entity,
        record_key
),

listed as (
    select
        open_violations.*,
        coalesce(deals.deal_name, leads.lead_name) as record_name,
        coalesce(deals.stage, leads.status) as stage,
        deals.amount_reporting as amount_at_stake
    from open_violations
    -- keys alone: with a condition on the entity beside it, DuckDB compares every row with every other
    left join {{ ref('fct_deals') }} as deals on open_violations.deal_key = deals.deal_key
    left join {{ ref('fct_leads') }} as leads on open_violations.lead_key = leads.lead_key
)

select
    listed.owner_key,
    coalesce(owners.owner_name, substr(listed.owner_key, length(listed.source) + 2)) as owner_name,
    row_number() over (
        partition by listed.owner_key
        order by
            listed.amount_at_stake desc nulls last,
            listed.severity,
            listed.first_seen_on,
            listed.entity,
            listed.record_key
    ) as place,
    listed.source,
    listed.pipeline,
    listed.entity,
    listed.record_key,
    listed.record_name,
    listed.stage,
    listed.amount_at_stake,
    listed.severity,
    listed.violations,
    listed.rules,
    listed.messages,
    listed.first_seen_on
from listed
left join {{ ref('dim_owners') }} as owners on listed.owner_key = owners.owner_key
