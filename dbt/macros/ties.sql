{#
    The order of steps that were taken in one moment, by what they say of themselves: each begins with the value with which
    the one before it ended. CRMs write whole seconds, and files are written from either end.

    steps   a relation with deal_key, field, moment, step_position (their order as told), old_value and new_value

    Gives deal_key, step_position and chained_position of the steps that such a chain puts elsewhere: steps of one deal,
    field and moment trade their places among themselves. Of several chains the one that begins with what held before,
    then the first as told; without a chain, as told. One step may tell no old value (it may be the first), not two.
    More than twelve steps of one field in one second are a machine's, and stay as told: the chains would be without number.
#}
{% macro chained(steps) -%}
    {%- set group = 'deal_key, field, moment' -%}
    -- fields of deals that ever changed twice in a moment: few, and only their steps are looked at one by one
    with recursive crowded as (
        select distinct
            deal_key,
            field
        from (
            select {{ group }}
            from {{ steps }}
            group by {{ group }}
            having count(*) > 1
        ) as moments
    ),

    followed as (
        select
            steps.deal_key,
            steps.field,
            steps.moment,
            steps.step_position,
            coalesce(steps.old_value, '') as left_value,
            coalesce(steps.new_value, '') as entered_value,
            count(*) over in_moment as steps,
            sum(case when steps.old_value is null then 1 else 0 end) over in_moment as untold,
            row_number() over (
                partition by steps.deal_key, steps.field, steps.moment
                order by steps.step_position
            ) as place
        from {{ steps }} as steps
        inner join crowded
            on steps.deal_key = crowded.deal_key
            and steps.field = crowded.field
        window in_moment as (partition by steps.deal_key, steps.field, steps.moment)
    ),

    -- how much oftener each value is left than entered: a chain leaves its first value once more, and its last once less
    balances as (
        select
            {{ group }},
            some_value,
            sum(leaves) as leaves
        from (
            select {{ group }}, left_value as some_value, 1 as leaves from followed
            union all
            select {{ group }}, entered_value as some_value, -1 as leaves from followed
        ) as sides
        group by {{ group }}, some_value
    ),

    ends as (
        select
            {{ group }},
            max(case when leaves = 1 then some_value end) as first_value,
            max(case when leaves = -1 then some_value end) as last_value,
            sum(abs(leaves)) as loose_ends
        from balances
        group by {{ group }}
    ),

    last_steps as (
        select
            {{ group }},
            max(steps) as steps,
            max(untold) as untold,
            max_by(entered_value, place) as last_told
        from followed
        group by {{ group }}
    ),

    -- a ring ends where it began, with what held before
    held as (
        select
            last_steps.*,
            ends.first_value,
            ends.loose_ends,
            {{ last_filled(
                'case
                    when last_steps.steps = 1 or ends.loose_ends > 2 then last_steps.last_told
                    when ends.loose_ends = 2 then ends.last_value
                end'
            ) }} over (
                partition by last_steps.deal_key, last_steps.field
                order by last_steps.moment
                rows between unbounded preceding and 1 preceding
            ) as held_before
        from last_steps
        inner join ends
            on last_steps.deal_key = ends.deal_key
            and last_steps.field = ends.field
            and last_steps.moment = ends.moment
    ),

    tied as (
        select
            followed.deal_key,
            followed.field,
            followed.moment,
            followed.step_position,
            followed.place,
            followed.left_value,
            followed.entered_value,
            held.steps,
            -- of equal steps one is as good as the other: they keep their order
            lag(followed.place) over (
                partition by
                    followed.deal_key, followed.field, followed.moment, followed.left_value, followed.entered_value
                order by followed.place
            ) as twin_place,
            case
                when held.loose_ends = 2 then held.first_value
                when
                    max(case when followed.left_value = held.held_before then 1 else 0 end)
                        over (partition by followed.deal_key, followed.field, followed.moment) = 1
                    then held.held_before
            end as begins_with
        from followed
        inner join held
            on followed.deal_key = held.deal_key
            and followed.field = held.field
            and followed.moment = held.moment
        where
            held.steps between 2 and 12
            and held.untold <= 1
            and held.loose_ends <= 2
    ),

    walks as (
        select
            {{ group }},
            steps,
            1 as taken,
            entered_value as stands_at,
            concat_ws('', lpad(cast(place as string), 2, '0'), ',') as path
        from tied
        where
            twin_place is null
            and (begins_with is null or left_value = begins_with)

        union all

        select
            tied.deal_key,
            tied.field,
            tied.moment,
            tied.steps,
            walks.taken + 1 as taken,
            tied.entered_value as stands_at,
            concat_ws('', walks.path, lpad(cast(tied.place as string), 2, '0'), ',') as path
        from walks
        inner join tied
            on walks.deal_key = tied.deal_key
            and walks.field = tied.field
            and walks.moment = tied.moment
            and walks.stands_at = tied.left_value
        where
            instr(walks.path, concat_ws('', lpad(cast(tied.place as string), 2, '0'), ',')) = 0
            and (
                tied.twin_place is null
                or instr(walks.path, concat_ws('', lpad(cast(tied.twin_place as string), 2, '0'), ',')) > 0
            )
    ),

    chosen as (
        select
            {{ group }},
            min(path) as path
        from walks
        where taken = steps
        group by {{ group }}
    ),

    chained as (
        select
            tied.*,
            cast((instr(chosen.path, concat_ws('', lpad(cast(tied.place as string), 2, '0'), ',')) + 2) / 3 as integer)
                as chained_place
        from tied
        inner join chosen
            on tied.deal_key = chosen.deal_key
            and tied.field = chosen.field
            and tied.moment = chosen.moment
    )

    select
        chained.deal_key,
        chained.step_position,
        places.step_position as chained_position
    from chained
    inner join tied as places
        on chained.deal_key = places.deal_key
        and chained.field = places.field
        and chained.moment = places.moment
        and chained.chained_place = places.place
{%- endmacro %}

{# Whether a word may be an id where nobody lists them: a digit in it, and no blank. #}
{% macro looks_like_an_id(word) -%}
    ({{ word }} not like '% %' and translate({{ word }}, '0123456789', '') != {{ word }})
{%- endmacro %}
