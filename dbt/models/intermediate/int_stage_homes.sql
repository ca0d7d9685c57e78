-- In which pipelines of a source there is a stage that is called so, by id or name: configured, in the CRM's own table
-- of stages, or shown by rows that name both. Sources with one pipeline need no such list; Won and Lost are in all.
with pipelines as (
    select * from {{ ref('int_pipeline_names') }}
),

several as (
    select source
    from pipelines
    group by source
    having count(distinct pipeline_key) > 1
),

-- what names a stage and its pipeline in one breath
shown as (
    select
        source,
        pipeline_name,
        stage_name
    from {{ ref('stg_deals') }}

    union

    select
        source,
        pipeline_name,
        stage_name
    from {{ ref('stg_deal_extracts') }}

    union

    select
        source,
        pipeline_name,
        stage_name
    from {{ ref('stg_deal_versions') }}

    union

    select
        source,
        heading_pipeline_name as pipeline_name,
        stage_name
    from {{ ref('stg_deal_stage_dates') }}
    where entered_at is not null
),

named as (
    select
        source,
        stage_name
    from shown

    union

    select
        source,
        from_stage_name as stage_name
    from {{ ref('stg_deal_versions') }}

    union

    select
        source,
        stage_name
    from {{ ref('int_logged_words') }}

    union

    select
        source,
        left_stage_name as stage_name
    from {{ ref('int_logged_words') }}
),

called as (
    select
        named.source,
        named.stage_name,
        stages.pipeline_name as own_pipeline_name,
        {{ normalized('coalesce(stages.stage_name, named.stage_name)') }} as name_key
    from named
    inner join several on named.source = several.source
    left join {{ ref('stg_stages') }} as stages
        on named.source = stages.source
        and named.stage_name = stages.stage_id
),

-- pipelines that nobody configured have the vendor's stages by name only: an id is that of the vendor's first pipeline
configured as (
    select
        stages.source,
        stages.pipeline_key,
        stages.stage_key as name_key,
        coalesce(pipelines.is_met, false) as is_met
    from {{ ref('stg_config__stages') }} as stages
    inner join {{ ref('stg_config__pipelines') }} as pipelines
        on stages.source = pipelines.source
        and stages.pipeline_key = pipelines.pipeline_key

    union

    select
        aliases.source,
        aliases.pipeline_key,
        aliases.alias_key as name_key,
        false as is_met
    from {{ ref('stg_config__stage_aliases') }} as aliases
    inner join {{ ref('stg_config__pipelines') }} as pipelines
        on aliases.source = pipelines.source
        and aliases.pipeline_key = pipelines.pipeline_key
    where pipelines.is_met is not true
),

shown_in as (
    select
        called.source,
        called.name_key,
        pipelines.pipeline_key
    from shown
    inner join called
        on shown.source = called.source
        and shown.stage_name = called.stage_name
    inner join pipelines
        on shown.source = pipelines.source
        and shown.pipeline_name = pipelines.pipeline_name
    group by
        called.source,
        called.name_key,
        pipelines.pipeline_key
),

in_use as (
    select distinct
        source,
        pipeline_key
    from shown_in
),

found as (
    select
        called.source,
        called.stage_name,
        configured.pipeline_key,
        not configured.is_met as is_its_own
    from called
    inner join configured
        on called.source = configured.source
        and called.name_key = configured.name_key
    where called.name_key not in ('won', 'lost')

    union all

    select
        called.source,
        called.stage_name,
        shown_in.pipeline_key,
        true as is_its_own
    from called
    inner join shown_in
        on called.source = shown_in.source
        and called.name_key = shown_in.name_key
    where called.name_key not in ('won', 'lost')

    union all

    -- a table of stages may number pipelines that rows name: such numbers lead nowhere
    select
        called.source,
        called.stage_name,
        own.pipeline_key,
        true as is_its_own
    from called
    inner join pipelines as own
        on called.source = own.source
        and called.own_pipeline_name = own.pipeline_name
    left join in_use
        on own.source = in_use.source
        and own.pipeline_key = in_use.pipeline_key
    where
        called.name_key not in ('won', 'lost')
        and (own.is_configured or in_use.pipeline_key is not null)
),

spelled as (
    select
        source,
        pipeline_key,
        coalesce(min(nullif(pipeline_name, '')), '') as pipeline_name
    from pipelines
    group by
        source,
        pipeline_key
),

homes as (
    select
        source,
        stage_name,
        pipeline_key,
        max(is_its_own) as is_its_own
    from found
    group by
        source,
        stage_name,
        pipeline_key
)

select
    homes.source,
    homes.stage_name,
    homes.pipeline_key,
    spelled.pipeline_name,
    homes.is_its_own
    and sum(cast(homes.is_its_own as integer)) over (partition by homes.source, homes.stage_name) = 1 as is_only_home
from homes
inner join spelled
    on homes.source = spelled.source
    and homes.pipeline_key = spelled.pipeline_key
