-- How often the expected close date of a deal was moved to a later day, by its versions or its log.
with told as (
    select
        deal_key,
        expected_close_on,
        version_at as told_at,
        file_position,
        1 as witness
    from {{ ref('stg_deal_versions') }}
    where expected_close_on is not null

    union all

    select
        deal_key,
        new_day as expected_close_on,
        changed_at as told_at,
        file_position,
        0 as witness
    from {{ ref('stg_deal_changes') }}
    where new_day is not null
),

best as (
    select
        *,
        min(witness) over (partition by deal_key) as best_witness
    from told
),

paired as (
    select
        deal_key,
        expected_close_on,
        lag(expected_close_on) over (
            partition by deal_key
            order by told_at, file_position
        ) as previous_close_on
    from best
    where witness = best_witness
)

select
    deal_key,
    sum(case when expected_close_on > previous_close_on then 1 else 0 end) as pushes
from paired
group by deal_key
