-- Nights are numbered; a violation's unbroken run of nights is one row (gaps and islands). Its entity belongs to its
-- identity: a rule may look at deals and at leads, and a deal and a lead may have one id.
with nights as (
    -- of several runs for one moment the last counts
    select
        as_of,
        max(run_id) as run_id,
        max_by(seen_on, run_id) as seen_on,
        row_number() over (order by as_of) as night
    from {{ ref('stg_checks__violations') }}
    group by as_of
),

-- Keys alone go through the nights: a year of them has a hundred million rows, and the words are needed of the last
-- night of each run only.
numbered as (
    select
        violations.rule,
        violations.entity,
        violations.record_key,
        nights.night,
        row_number() over (
            partition by violations.rule, violations.entity, violations.record_key
            order by nights.night
        ) as place
    from {{ ref('stg_checks__violations') }} as violations
    inner join nights on violations.run_id = nights.run_id
    where violations.rule is not null
),

lives as (
    select
        rule,
        entity,
        record_key,
        min(night) as first_night,
        max(night) as last_night
    from numbered
    group by
        rule,
        entity,
        record_key,
        night - place
)

select
    violations.rule,
    violations.severity,
    violations.entity,
    violations.record_key,
    violations.source,
    violations.pipeline,
    violations.owner_key,
    violations.observed,
    violations.allowed,
    violations.message,
    first_nights.seen_on as first_seen_on,
    last_nights.seen_on as last_seen_on,
    nights_after.seen_on as resolved_on
from lives
inner join nights as first_nights on lives.first_night = first_nights.night
inner join nights as last_nights on lives.last_night = last_nights.night
left join nights as nights_after on lives.last_night + 1 = nights_after.night
inner join {{ ref('stg_checks__violations') }} as violations
    on lives.rule = violations.rule
    and lives.entity = violations.entity
    and lives.record_key = violations.record_key
    and last_nights.run_id = violations.run_id
