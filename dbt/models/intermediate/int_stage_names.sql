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
        source,
        pipeline_name,
        stage_name
    from {{ ref('stg_deal_extracts') }}
    where stage_name is not null

    union

    select
        source,
        pipeline_name,
        stage_name
    from {{ ref('stg_deal_stage_dates') }}
    where entered_at is not null

    union

    select
        versions.source,
        coalesce(versions.pipeline_name, deals.pipeline_name) as pipeline_name,
        versions.stage_name
    from {{ ref('stg_deal_versions') }} as versions
    left join deals on versions.deal_key = deals.deal_key

    union

    select
        versions.source,
        coalesce(versions.pipeline_name, deals.pipeline_name) as pipeline_name,
        versions.from_stage_name as stage_name
    from {{ ref('stg_deal_versions') }} as versions
    left join deals on versions.deal_key = deals.deal_key
    where versions.from_stage_name is not null

    union

    select
        source,
        pipeline_name,
        stage_name
    from {{ ref('int_logged_words') }}
    where stage_name is not null

    union

    select
        source,
        left_pipeline_name as pipeline_name,
        left_stage_name as stage_name
    from {{ ref('int_logged_words') }}
    where left_stage_name is not null
),

looked_up as (
    select
        named.source,
        named.pipeline_name,
        named.stage_name,
        stages.pipeline_name as own_pipeline_name,
        coalesce(stages.stage_name, named.stage_name) as stage
    from named
    left join {{ ref('stg_stages') }} as stages
        on named.source = stages.source
        and named.stage_name = stages.stage_id
),

-- a stage's own pipeline, unless only the one it is named with is configured: a table of stages may number them
with_pipeline as (
    select
        looked_up.source,
        looked_up.pipeline_name,
        looked_up.stage_name,
        looked_up.stage,
        pipelines.pipeline,
        pipelines.pipeline_key
    from looked_up
    inner join {{ ref('int_pipeline_names') }} as given
        on looked_up.source = given.source
        and coalesce(looked_up.pipeline_name, '') = given.pipeline_name
    left join {{ ref('int_pipeline_names') }} as own
        on looked_up.source = own.source
        and looked_up.own_pipeline_name = own.pipeline_name
    inner join {{ ref('int_pipeline_names') }} as pipelines
        on looked_up.source = pipelines.source
        and case
            when own.pipeline is null then given.pipeline_name
            when looked_up.pipeline_name is not null and given.is_configured and not own.is_configured
                then given.pipeline_name
            else own.pipeline_name
        end = pipelines.pipeline_name
),

keyed as (
    select
        with_pipeline.*,
        coalesce(aliases.stage_key, {{ normalized('with_pipeline.stage') }}) as stage_key
    from with_pipeline
    left join {{ source('config', 'stage_aliases') }} as aliases
        on with_pipeline.source = aliases.source
        and with_pipeline.pipeline_key = aliases.pipeline_key
        and {{ normalized('with_pipeline.stage') }} = aliases.alias_key
)

select
    keyed.source,
    coalesce(keyed.pipeline_name, '') as pipeline_name,
    keyed.stage_name,
    keyed.pipeline,
    coalesce(
        configured.stage,
        -- the implicit ones, however they are written
        case keyed.stage_key when 'won' then 'Won' when 'lost' then 'Lost' end,
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
left join {{ source('config', 'stages') }} as configured
    on keyed.source = configured.source
    and keyed.pipeline_key = configured.pipeline_key
    and keyed.stage_key = configured.stage_key
