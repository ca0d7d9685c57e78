-- The change log in the order in which things happened, each change once: a file written newest first is read from its
-- end, changes of one moment follow their old and new values, and of a change told once in names and once in ids the
-- one in ids counts.
with changes as (
    select * from {{ ref('stg_deal_changes') }}
),

-- what is an id elsewhere in what the CRM delivers
known_ids as (
    select
        source,
        'owner_id' as field,
        owner_id as id
    from {{ ref('stg_owners') }}

    union

    select
        source,
        'account_id' as field,
        account_id as id
    from {{ ref('stg_accounts') }}

    union

    select
        source,
        'owner_id' as field,
        owner_id as id
    from {{ ref('stg_deals') }}
    where owner_id is not null

    union

    select
        source,
        'account_id' as field,
        account_id as id
    from {{ ref('stg_deals') }}
    where account_id is not null

    union

    select
        source,
        'pipeline' as field,
        pipeline_name as id
    from {{ ref('stg_deals') }}
    where pipeline_name is not null

    union

    -- a pipeline may be configured by its name, and one that was only met be a name the log gives beside the id
    select
        names.source,
        'pipeline' as field,
        names.name_key as id
    from {{ ref('stg_config__pipeline_names') }} as names
    left join {{ ref('stg_config__pipelines') }} as pipelines
        on names.source = pipelines.source
        and names.pipeline_key = pipelines.pipeline_key
    where
        pipelines.is_met is not true
        and {{ looks_like_an_id('names.name_key') }}
),

told_at_once as (
    select
        *,
        count(*) over (partition by deal_key, feed, field, changed_at) as told
    from changes
    where field in ('owner_id', 'pipeline', 'account_id')
),

-- how sure it is that a change is told in ids: the CRM says so, known ones, else what has digits and no blanks, as no
-- name has
weighed as (
    select
        told_at_once.deal_key,
        told_at_once.feed,
        told_at_once.field,
        told_at_once.changed_at,
        told_at_once.extracted_at,
        told_at_once.file_id,
        told_at_once.file_position,
        told_at_once.old_value,
        told_at_once.new_value,
        case
            when told_at_once.value_kind = 'id' then 3
            when told_at_once.value_kind is not null then 0
            when old_ids.id is not null or new_ids.id is not null then 2
            when
                coalesce(told_at_once.old_value, told_at_once.new_value) is not null
                and coalesce({{ looks_like_an_id('told_at_once.old_value') }}, true)
                and coalesce({{ looks_like_an_id('told_at_once.new_value') }}, true)
                then 1
            else 0
        end as sureness
    from told_at_once
    left join known_ids as old_ids
        on told_at_once.source = old_ids.source
        and told_at_once.field = old_ids.field
        and told_at_once.old_value = old_ids.id
    left join known_ids as new_ids
        on told_at_once.source = new_ids.source
        and told_at_once.field = new_ids.field
        and told_at_once.new_value = new_ids.id
    where told_at_once.told > 1
),

halves as (
    select
        *,
        max(sureness) over together as best,
        count(*) over together as told
    from weighed
    window together as (partition by deal_key, feed, field, changed_at)
),

-- as many in names as in ids, and none that goes on where one of the others ended: those would be changes of their own
told_twice as (
    select
        names.deal_key,
        names.extracted_at,
        names.file_id,
        names.file_position
    from halves as names
    inner join halves as ids
        on names.deal_key = ids.deal_key
        and names.feed = ids.feed
        and names.field = ids.field
        and names.changed_at = ids.changed_at
        and ids.sureness = ids.best
    where names.sureness < names.best
    group by
        names.deal_key,
        names.extracted_at,
        names.file_id,
        names.file_position,
        names.told
    having
        2 * count(*) = names.told
        and max(case when names.new_value = ids.old_value or names.old_value = ids.new_value then 1 else 0 end) = 0
),

told_once as (
    select changes.*
    from changes
    left join told_twice
        on changes.deal_key = told_twice.deal_key
        and changes.extracted_at = told_twice.extracted_at
        and changes.file_id = told_twice.file_id
        and changes.file_position = told_twice.file_position
    where told_twice.deal_key is null
),

stepped as (
    select
        file_id,
        changed_at,
        lag(changed_at) over (partition by file_id, deal_key order by file_position) as deal_before,
        lag(changed_at) over (partition by file_id order by file_position) as row_before
    from changes
),

-- which way the times of a file run: those of each deal tell, and where none of them moves, all together
directions as (
    select
        file_id,
        sum(case when changed_at > deal_before then 1 when changed_at < deal_before then -1 else 0 end) as of_deals,
        sum(case when changed_at > row_before then 1 when changed_at < row_before then -1 else 0 end) as of_rows
    from stepped
    group by file_id
),

as_written as (
    select
        told_once.*,
        row_number() over (
            partition by told_once.deal_key
            order by
                told_once.changed_at,
                told_once.extracted_at,
                told_once.file_id,
                case
                    when coalesce(nullif(directions.of_deals, 0), directions.of_rows) < 0
                        then -told_once.file_position
                    else told_once.file_position
                end
        ) as step_position
    from told_once
    left join directions on told_once.file_id = directions.file_id
),

steps as (
    select
        deal_key,
        field,
        changed_at as moment,
        step_position,
        old_value,
        new_value
    from as_written
),

ties as (
    {{ chained('steps') }}
)

select
    as_written.deal_key,
    as_written.source,
    as_written.deal_id,
    as_written.field,
    as_written.old_value,
    as_written.new_value,
    as_written.changed_at,
    as_written.means_lost,
    as_written.new_moment,
    as_written.new_day,
    as_written.old_day,
    as_written.new_text,
    as_written.old_text,
    as_written.new_amount,
    as_written.old_amount,
    as_written.new_currency,
    as_written.old_currency,
    as_written.extracted_at,
    coalesce(ties.chained_position, as_written.step_position) as log_position
from as_written
left join ties
    on as_written.deal_key = ties.deal_key
    and as_written.step_position = ties.step_position
