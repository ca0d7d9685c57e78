-- Every way a stage is named anywhere, and the stage it means: by id, by name (case, accents and spaces do not
-- matter), as configured where it is configured, else as the CRM writes it.
with deals as (
    select * from {{ ref('stg_deals') }}
),

named as (
    select
        source,
        pipeline_name,
        stage_name
    from deals
    where stage_name is not null

    union

    select
        versions.source,
        coalesce(versions.pipeline_name, deals.pipeline_name) as pipeline_name,
        versions.stage_name
    from {{ ref('stg_deal_versions') }} as versions
    left join deals on versions.deal_key = deals.deal_key

    union

    select
        changes.source,
        deals.pipeline_name,
        changes.new_value as stage_name
    from {{ ref('stg_deal_changes') }} as changes
    left join deals on changes.deal_key = deals.deal_key
    where
        changes.field = 'stage'
        and changes.new_value is not null

    union

    select
        changes.source,
        deals.pipeline_name,
        changes.old_value as stage_name
    from {{ ref('stg_deal_changes') }} as changes
    left join deals on changes.deal_key = deals.deal_key
    where
        changes.field = 'stage'
        and changes.old_value is not null
),

looked_up as (
    select
        named.source,
        named.pipeline_name,
        named.stage_name,
        coalesce(stages.pipeline_name, named.pipeline_name, 'default') as pipeline,
        coalesce(stages.stage_name, named.stage_name) as stage
    from named
    left join {{ ref('stg_stages') }} as stages
        on named.source = stages.source
        and named.stage_name = stages.stage_id
),

keyed as (
    select
        *,
        {{ normalized('pipeline') }} as pipeline_key,
        {{ normalized('stage') }} as stage_key
    from looked_up
)

select
    keyed.source,
    coalesce(keyed.pipeline_name, '') as pipeline_name,
    keyed.stage_name,
    coalesce(pipelines.pipeline, min(keyed.pipeline) over (partition by keyed.source, keyed.pipeline_key)) as pipeline,
    coalesce(
        configured.stage,
        min(keyed.stage) over (partition by keyed.source, keyed.pipeline_key, keyed.stage_key)
    ) as stage,
    keyed.pipeline_key,
    keyed.stage_key,
    configured.stage is not null as is_configured,
    configured.stage_order as configured_order,
    case
        when configured.is_won or (configured.stage is null and keyed.stage_key = 'won') then 'won'
        when configured.is_lost or (configured.stage is null and keyed.stage_key = 'lost') then 'lost'
        else 'open'
    end as outcome
from keyed
left join {{ source('config', 'pipelines') }} as pipelines
    on keyed.source = pipelines.source
    and keyed.pipeline_key = pipelines.pipeline_key
left join {{ source('config', 'stages') }} as configured
    on keyed.source = configured.source
    and keyed.pipeline_key = configured.pipeline_key
    and keyed.stage_key = configured.stage_key
