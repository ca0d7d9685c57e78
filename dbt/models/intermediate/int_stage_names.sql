-- Every way a stage is named anywhere, and the stage it means: by id, by name (case, accents and spaces do not
-- matter), as configured where it is configured, else as the CRM writes it. What a stage nobody configured means is
-- read from the rows that stand in it.
with deals as (
    select * from {{ ref('stg_deals') }}
),

placed as (
    select * from {{ ref('int_history_pipelines') }}
),

versions as (
    select
        versions.source,
        versions.stage_name,
        versions.from_stage_name,
        nullif(coalesce(placed.pipeline_name, versions.pipeline_name, deals.pipeline_name), '') as pipeline_name,
        nullif(
            coalesce(placed.left_pipeline_name, versions.pipeline_name, deals.pipeline_name), ''
        ) as left_pipeline_name
    from {{ ref('stg_deal_versions') }} as versions
    left join deals on versions.deal_key = deals.deal_key
    left join placed
        on versions.deal_key = placed.deal_key
        and placed.shape = 'versioned'
        and concat_ws('', versions.file_id, ':', versions.file_position) = placed.word_key
),

logged as (
    select
        words.source,
        words.stage_name,
        words.left_stage_name,
        nullif(coalesce(placed.pipeline_name, words.pipeline_name), '') as pipeline_name,
        nullif(coalesce(placed.left_pipeline_name, words.left_pipeline_name), '') as left_pipeline_name
    from {{ ref('int_logged_words') }} as words
    left join placed
        on words.deal_key = placed.deal_key
        and placed.shape = 'logged'
        and cast(words.shape_position as string) = placed.word_key
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
        dates.source,
        nullif(coalesce(placed.pipeline_name, dates.pipeline_name), '') as pipeline_name,
        dates.stage_name
    from {{ ref('stg_deal_stage_dates') }} as dates
    left join placed
        on dates.deal_key = placed.deal_key
        and placed.shape = 'dated'
        and concat_ws('', coalesce(dates.heading_pipeline_name, ''), '|', dates.stage_name) = placed.word_key
    where dates.entered_at is not null

    union

    select
        source,
        pipeline_name,
        stage_name
    from versions

    union

    select
        source,
        left_pipeline_name as pipeline_name,
        from_stage_name as stage_name
    from versions
    where from_stage_name is not null

    union

    select
        source,
        pipeline_name,
        stage_name
    from logged
    where stage_name is not null

    union

    select
        source,
        left_pipeline_name as pipeline_name,
        left_stage_name as stage_name
    from logged
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

-- a stage's own pipeline by the CRM's table of stages, unless only the one it is named with is configured and no row
-- knows the other: the table may number them. Without a word of a pipeline, the only one that has such a stage.
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
    left join {{ ref('int_stage_homes') }} as own_homes
        on looked_up.source = own_homes.source
        and looked_up.stage_name = own_homes.stage_name
        and own.pipeline_key = own_homes.pipeline_key
    left join {{ ref('int_stage_homes') }} as given_homes
        on looked_up.source = given_homes.source
        and looked_up.stage_name = given_homes.stage_name
        and given.pipeline_key = given_homes.pipeline_key
    left join {{ ref('int_stage_homes') }} as only_homes
        on looked_up.source = only_homes.source
        and looked_up.stage_name = only_homes.stage_name
        and only_homes.is_only_home
    inner join {{ ref('int_pipeline_names') }} as pipelines
        on looked_up.source = pipelines.source
        and case
            when
                own.pipeline is not null
                and (
                    looked_up.pipeline_name is null
                    or not given.is_configured
                    or own.is_configured
                    or own_homes.pipeline_key is not null
                )
                then own.pipeline_name
            when looked_up.pipeline_name is null and given_homes.pipeline_key is null
                then coalesce(only_homes.pipeline_name, given.pipeline_name)
            else given.pipeline_name
        end = pipelines.pipeline_name
),

keyed as (
    select
        with_pipeline.*,
        coalesce(aliases.stage_key, {{ normalized('with_pipeline.stage') }}) as stage_key
    from with_pipeline
    left join {{ ref('stg_config__stage_aliases') }} as aliases
        on with_pipeline.source = aliases.source
        and with_pipeline.pipeline_key = aliases.pipeline_key
        and {{ normalized('with_pipeline.stage') }} = aliases.alias_key
),

-- what the rows that stand in a stage say of it: a win or loss, if every one of them that says anything says the same
shown as (
    select
        source,
        pipeline_name,
        stage_name,
        status_given
    from deals
    where status_given is not null

    union

    select
        source,
        pipeline_name,
        stage_name,
        status_given
    from {{ ref('stg_deal_extracts') }}
    where status_given is not null
),

shown_outcomes as (
    select
        keyed.source,
        keyed.pipeline_key,
        keyed.stage_key,
        -- closed, and not known to be won
        min(case shown.status_given when 'closed' then 'lost' else shown.status_given end) as outcome
    from shown
    inner join keyed
        on shown.source = keyed.source
        and coalesce(shown.pipeline_name, '') = coalesce(keyed.pipeline_name, '')
        and shown.stage_name = keyed.stage_name
    group by
        keyed.source,
        keyed.pipeline_key,
        keyed.stage_key
    having
        count(distinct case shown.status_given when 'closed' then 'lost' else shown.status_given end) = 1
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
        when configured.stage is null then coalesce(shown_outcomes.outcome, 'open')
        else 'open'
    end as outcome
from keyed
left join shown_outcomes
    on keyed.source = shown_outcomes.source
    and keyed.pipeline_key = shown_outcomes.pipeline_key
    and keyed.stage_key = shown_outcomes.stage_key
left join {{ ref('stg_config__stages') }} as configured
    on keyed.source = configured.source
    and keyed.pipeline_key = configured.pipeline_key
    and keyed.stage_key = configured.stage_key
