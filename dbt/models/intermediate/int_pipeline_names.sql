-- Every way a pipeline is named anywhere, and the pipeline it means: as configured where it is configured, else as the
-- CRM writes it, in one of its spellings. '' is no name at all: `default`.
with named as (
    select
        source,
        pipeline_name
    from {{ ref('stg_deals') }}

    union

    select
        source,
        pipeline_name
    from {{ ref('stg_deal_extracts') }}

    union

    select
        source,
        pipeline_name
    from {{ ref('stg_deal_stage_dates') }}

    union

    select
        source,
        pipeline_name
    from {{ ref('stg_deal_versions') }}

    union

    select
        source,
        pipeline_name
    from {{ ref('stg_stages') }}

    union

    select
        source,
        pipeline_name
    from {{ ref('int_logged_words') }}

    union

    select
        source,
        left_pipeline_name as pipeline_name
    from {{ ref('int_logged_words') }}

    union

    select
        source,
        pipeline_name
    from {{ ref('stg_spend') }}

    union

    select
        source,
        pipeline as pipeline_name
    from {{ ref('stg_config__pipelines') }}
    where is_met is not true

    union

    select
        source,
        cast(null as string) as pipeline_name
    from {{ ref('stg_config__sources') }}
),

spelled as (
    select
        source,
        coalesce(pipeline_name, '') as pipeline_name,
        coalesce(pipeline_name, 'default') as spelling,
        {{ normalized("coalesce(pipeline_name, 'default')") }} as name_key
    from named
)

select
    spelled.source,
    spelled.pipeline_name,
    coalesce(
        configured.pipeline,
        min(spelled.spelling) over (partition by spelled.source, spelled.name_key)
    ) as pipeline,
    coalesce(configured.pipeline_key, spelled.name_key) as pipeline_key,
    configured.pipeline is not null as is_configured
from spelled
left join {{ ref('stg_config__pipeline_names') }} as configured
    on spelled.source = configured.source
    and spelled.name_key = configured.name_key
