-- For people who will not join. Its tables are named without their database: a reader may have given that another name.
select
    leads.*,
    coalesce(owners.owner_name, '(none)') as owner_name,
    owners.is_active as owner_is_active,
    coalesce(owners.team, '(none)') as team,
    deals.deal_name as converted_deal_name,
    deals.status as converted_deal_status
    {{- field_columns('leads', 'leads') }}
from {{ ref('fct_leads').include(database=false) }} as leads
left join {{ ref('dim_owners').include(database=false) }} as owners on leads.owner_key = owners.owner_key
left join {{ ref('fct_deals').include(database=false) }} as deals on leads.converted_deal_key = deals.deal_key
