-- One row per feed of deals that says their stages: how far the mix of stages in its newest good delivery is from that
-- of the deliveries it is compared with, by the population stability index (PSI), and the stages that moved most.
{% set empty_bin = 0.0001 %}

with delivered as (
    select
        files.source,
        files.feed,
        files.place = 1 as is_newest,
        deals.pipeline,
        deals.stage,
        count(*) as deals
    from {{ ref('stg_lake__recent_deals') }} as deals
    inner join {{ ref('stg_lake__files') }} as files
        on deals._source = files.source
        and deals._feed = files.feed
        and deals._file_id = files.file_id
    where deals.stage is not null
    group by
        files.source,
        files.feed,
        files.place = 1,
        deals.pipeline,
        deals.stage
),

-- however they are spelled
stages as (
    select
        source,
        feed,
        concat_ws(' / ', min(pipeline), min(stage)) as stage,
        sum(case when is_newest then deals else 0 end) as deals,
        sum(case when is_newest then 0 else deals end) as usual_deals
    from delivered
    group by
        source,
        feed,
        {{ normalized("coalesce(pipeline, '')") }},
        {{ normalized('stage') }}
),

shares as (
    select
        source,
        feed,
        stage,
        {{ ratio('deals', 'sum(deals) over (partition by source, feed)') }} as share,
        {{ ratio('usual_deals', 'sum(usual_deals) over (partition by source, feed)') }} as usual_share
    from stages
),

moved as (
    select
        *,
        (coalesce(nullif(share, 0), {{ empty_bin }}) - coalesce(nullif(usual_share, 0), {{ empty_bin }}))
        * ln(coalesce(nullif(share, 0), {{ empty_bin }}) / coalesce(nullif(usual_share, 0), {{ empty_bin }})) as psi
    from shares
    where
        share is not null
        and usual_share is not null
),

ranked as (
    select
        *,
        row_number() over (partition by source, feed order by round(psi, 10) desc, stage) as place
    from moved
),

worded as (
    select
        *,
        case when place <= 3 and psi > 0 then {{ compared_share('stage', 'share', 'usual_share') }} end as move
    from ranked
)

select
    source,
    feed,
    -- a sum of fractions ends in other digits every time
    round(sum(psi), 10) as stage_mix_psi,
    {{ listed('move', 'place') }} as stage_moves
from worded
group by
    source,
    feed
