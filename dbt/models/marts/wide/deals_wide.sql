-- For people who will not join. Its tables are named without their database: a reader may have given that another name.
select
    deals.*,
    coalesce(owners.owner_name, '(none)') as owner_name,
    owners.is_active as owner_is_active,
    coalesce(owners.team, '(none)') as team,
    case when deals.account_key is null then '(none)' else coalesce(accounts.account_name, accounts.account_id) end
        as account_name,
    coalesce(stages.stage, '(none)') as stage_name,
    stages.stage_order,
    pipelines.pipeline as pipeline_name
    {{- field_columns('deals', 'deals') }}
    {{- field_columns('accounts', 'accounts', 'account_') }}
    {{- field_columns('owners', 'owners', 'owner_') }}
from {{ ref('fct_deals').include(database=false) }} as deals
left join {{ ref('dim_owners').include(database=false) }} as owners on deals.owner_key = owners.owner_key
left join {{ ref('dim_accounts').include(database=false) }} as accounts on deals.account_key = accounts.account_key
left join {{ ref('dim_stages').include(database=false) }} as stages on deals.stage_key = stages.stage_key
left join {{ ref('dim_pipelines').include(database=false) }} as pipelines on deals.pipeline_key = pipelines.pipeline_key
