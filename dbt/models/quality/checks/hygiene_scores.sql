with run as (
    select as_of_date from {{ ref('stg_config__run') }}
),

-- what is open was seen tonight
dirty as (
    select distinct record_key
    from {{ ref('hygiene_violations') }}
    where resolved_on is null and entity = 'deals' and severity in ('critical', 'warning')
),

tonight as (
    select
        deals.source,
        deals.pipeline,
        deals.owner_key,
        count(*) as open_deals,
        count(case when dirty.record_key is null then 1 end) as clean_deals,
        coalesce(sum(deals.amount_reporting), 0) as open_amount,
        coalesce(sum(case when dirty.record_key is null then deals.amount_reporting end), 0) as clean_amount
    from {{ ref('fct_deals') }} as deals
    left join dirty on deals.deal_key = dirty.record_key
    where deals.status = 'open'
    group by
        deals.source,
        deals.pipeline,
        deals.owner_key
),

-- of several runs of one day the last counts
last_runs as (
    select
        seen_on,
        max_by(run_id, (as_of, run_id)) as run_id
    from {{ ref('stg_checks__scores') }}
    where seen_on not in (select as_of_date from run)
    group by seen_on
),

days as (
    select
        recorded.seen_on as date_day,
        recorded.source,
        recorded.pipeline,
        recorded.owner_key,
        recorded.open_deals,
        recorded.clean_deals,
        recorded.open_amount,
        recorded.clean_amount
    from {{ ref('stg_checks__scores') }} as recorded
    inner join last_runs on recorded.run_id = last_runs.run_id
    where recorded.source is not null
    union all
    select
        run.as_of_date,
        tonight.source,
        tonight.pipeline,
        tonight.owner_key,
        tonight.open_deals,
        tonight.clean_deals,
        tonight.open_amount,
        tonight.clean_amount
    from tonight
    cross join run
)

select
    date_day,
    source,
    pipeline,
    owner_key,
    open_deals,
    clean_deals,
    clean_deals / open_deals as score,
    cast(open_amount as decimal(18, 2)) as open_amount,
    cast(clean_amount as decimal(18, 2)) as clean_amount,
    cast(clean_amount as double) / nullif(cast(open_amount as double), 0) as score_by_amount
from days
