-- The pipeline in which a history names a stage, where a source has several. What is told stands; a stage of one
-- pipeline alone tells that the deal was there. Any other word is of the pipeline the deal was in by then (before the
-- first such word: by the next one; else its row's), or if that has no such stage, of its row's.
with row_pipelines as (
    select
        deal_key,
        pipeline_name
    from {{ ref('stg_deals') }}
),

several as (
    select source
    from {{ ref('int_pipeline_names') }}
    group by source
    having count(distinct pipeline_key) > 1
),

versions as (
    select
        *,
        row_number() over (
            partition by deal_key
            order by version_at, version_id, file_id, file_position
        ) as version_number
    from {{ ref('stg_deal_versions') }}
),

dates as (
    select
        *,
        row_number() over (partition by deal_key order by entered_at, stage_name) as date_number
    from {{ ref('stg_deal_stage_dates') }}
    where entered_at is not null
),

-- each word with what it left before it and what it entered, in order; a change of stage that a log tells in the second
-- of a move leaves the one pipeline and enters the other
words as (
    select
        deal_key,
        source,
        'logged' as shape,
        cast(shape_position as string) as word_key,
        2 * shape_position - 1 as place,
        true as is_left,
        case when field = 'pipeline' then old_value end as told_pipeline_name,
        case when is_moved_then and field != 'pipeline' then left_pipeline_name end as moved_pipeline_name,
        left_stage_name as stage_name
    from {{ ref('int_logged_words') }}
    where
        field in ('stage', 'pipeline')
        -- a win or loss before any stage was told, of the stage it left
        or left_stage_name is not null

    union all

    select
        deal_key,
        source,
        'logged' as shape,
        cast(shape_position as string) as word_key,
        2 * shape_position as place,
        false as is_left,
        case when field = 'pipeline' then new_value end as told_pipeline_name,
        case when is_moved_then and field != 'pipeline' then pipeline_name end as moved_pipeline_name,
        stage_name
    from {{ ref('int_logged_words') }}
    where field in ('stage', 'pipeline')

    union all

    select
        deal_key,
        source,
        'versioned' as shape,
        concat_ws('', file_id, ':', file_position) as word_key,
        2 * version_number - 1 as place,
        true as is_left,
        cast(null as string) as told_pipeline_name,
        cast(null as string) as moved_pipeline_name,
        from_stage_name as stage_name
    from versions

    union all

    select
        deal_key,
        source,
        'versioned' as shape,
        concat_ws('', file_id, ':', file_position) as word_key,
        2 * version_number as place,
        false as is_left,
        pipeline_name as told_pipeline_name,
        cast(null as string) as moved_pipeline_name,
        stage_name
    from versions

    union all

    select
        deal_key,
        source,
        'dated' as shape,
        concat_ws('', coalesce(heading_pipeline_name, ''), '|', stage_name) as word_key,
        2 * date_number as place,
        false as is_left,
        heading_pipeline_name as told_pipeline_name,
        cast(null as string) as moved_pipeline_name,
        stage_name
    from dates
),

-- the pipeline as far as it is told in so many words
told as (
    select
        words.*,
        coalesce(
            words.moved_pipeline_name,
            {{ last_filled('words.told_pipeline_name') }} over so_far,
            {{ first_filled('case when words.is_left then words.told_pipeline_name end') }} over from_here
        ) as history_tells,
        row_pipelines.pipeline_name as row_tells
    from words
    inner join several on words.source = several.source
    left join row_pipelines on words.deal_key = row_pipelines.deal_key
    window
        so_far as (
            partition by words.deal_key, words.shape
            order by words.place
            rows between unbounded preceding and current row
        ),
        from_here as (
            partition by words.deal_key, words.shape
            order by words.place
            rows between 1 following and unbounded following
        )
),

looked_up as (
    select
        told.*,
        coalesce(told.history_tells, told.row_tells, '') as told_then,
        told_homes.stage_name is not null as is_in_told,
        case
            -- a pipeline that history tells and nobody configured may have any stage
            when told.history_tells is not null and coalesce(configured.is_met, true) then null
            when told_homes.stage_name is null or told_homes.is_only_home then only_homes.pipeline_name
        end as only_pipeline_name
    from told
    inner join {{ ref('int_pipeline_names') }} as pipelines
        on told.source = pipelines.source
        and coalesce(told.history_tells, told.row_tells, '') = pipelines.pipeline_name
    left join {{ ref('stg_config__pipelines') }} as configured
        on pipelines.source = configured.source
        and pipelines.pipeline_key = configured.pipeline_key
    left join {{ ref('int_stage_homes') }} as told_homes
        on told.source = told_homes.source
        and told.stage_name = told_homes.stage_name
        and pipelines.pipeline_key = told_homes.pipeline_key
    left join {{ ref('int_stage_homes') }} as only_homes
        on told.source = only_homes.source
        and told.stage_name = only_homes.stage_name
        and only_homes.is_only_home
),

followed as (
    select
        *,
        coalesce(
            case when moved_pipeline_name is not null then coalesce(only_pipeline_name, moved_pipeline_name) end,
            {{ last_filled(
                'case
                    when not is_left or moved_pipeline_name is null
                        then coalesce(told_pipeline_name, only_pipeline_name)
                end'
            ) }} over (
                partition by deal_key, shape
                order by place
                rows between unbounded preceding and current row
            ),
            -- what a later move leads to says nothing of the time before it
            nullif(
                {{ first_filled(
                    'case
                        when told_pipeline_name is not null and not is_left then chr(31)
                        else coalesce(told_pipeline_name, only_pipeline_name)
                    end'
                ) }} over (
                    partition by deal_key, shape
                    order by place
                    rows between 1 following and unbounded following
                ),
                chr(31)
            ),
            told_then
        ) as pipeline_then
    from looked_up
),

placed as (
    select
        followed.*,
        case
            when homes.stage_name is null and followed.is_in_told then followed.told_then
            else followed.pipeline_then
        end as pipeline_name
    from followed
    inner join {{ ref('int_pipeline_names') }} as pipelines
        on followed.source = pipelines.source
        and followed.pipeline_then = pipelines.pipeline_name
    left join {{ ref('int_stage_homes') }} as homes
        on followed.source = homes.source
        and followed.stage_name = homes.stage_name
        and pipelines.pipeline_key = homes.pipeline_key
)

select
    deal_key,
    shape,
    word_key,
    max(case when not is_left then pipeline_name end) as pipeline_name,
    max(case when is_left then pipeline_name end) as left_pipeline_name
from placed
where stage_name is not null
group by
    deal_key,
    shape,
    word_key
