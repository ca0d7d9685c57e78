-- What a source cannot do without: something that gives its deals, and feeds marked `required`.
with feeds as (
    select * from {{ ref('stg_config__feeds') }}
)

select
    concat_ws('', source, ':deals') as record_key,
    source,
    'deals' as entity,
    sum(loaded_files) as loaded_files
from feeds
where entity in ('deals', 'deal_changes')
group by source

union all

select
    concat_ws('', source, ':', feed) as record_key,
    source,
    entity,
    loaded_files
from feeds
where is_required
