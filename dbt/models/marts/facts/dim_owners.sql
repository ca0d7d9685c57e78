-- Every owner that a fact names: those of the owners' feed, their names where records name them by name (list exports
-- of CRMs do), and whoever else is met, of whom nothing more is known.
with delivered as (
    select
        owner_key,
        source,
        owner_id,
        coalesce(owner_name, owner_id) as owner_name,
        is_active
    from {{ ref('stg_owners') }}
),

met as (
    {% for fact in ('fct_deals', 'fct_leads', 'fct_activities', 'fct_stage_transitions', 'fct_pipeline_snapshots', 'fct_spend') %}
    select
        owner_key,
        source
    from {{ ref(fact) }}
    where owner_key is not null
    {{ 'union' if not loop.last }}
    {% endfor %}
)

select
    owner_key,
    source,
    owner_id,
    owner_name,
    is_active,
    true as is_delivered
from delivered

union all

select
    met.owner_key,
    met.source,
    {{ id_of('met.owner_key', 'met.source') }} as owner_id,
    {{ id_of('met.owner_key', 'met.source') }} as owner_name,
    known.is_active,
    known.owner_key is not null as is_delivered
from met
left join delivered on met.owner_key = delivered.owner_key
left join {{ ref('int_known_owners') }} as known on met.owner_key = known.owner_key
where delivered.owner_key is null
