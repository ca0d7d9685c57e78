{{ config(materialized='table') }}

with deal_rows as (
    select * from {{ ref('deals_rows') }}
),

feeds as (
    select * from {{ ref('stg_config__feeds') }}
),

-- what the CRM says a deal's chances are, in percent where its column ever says more than one
chances as (
    select
        source,
        feed,
        deal_id,
        said / max(case when said > 1 or instr(win_probability, '%') > 0 then 100 else 1 end)
            over (partition by source, feed) as win_probability
    from (
        select
            source,
            feed,
            deal_id,
            win_probability,
            try_cast(
                replace(replace(replace(win_probability, '%', ''), ' ', ''), ',', '.') as double
            ) as said
        from deal_rows
        where
            row_state = 'current'
            and win_probability is not null
    ) as chances_said
)

select
    -- keys
    concat_ws('', deal_rows.source, ':', deal_rows.deal_id) as deal_key,
    deal_rows.source,
    deal_rows.deal_id,
    deal_rows.owner_id,
    {{ first_id('deal_rows.account_id', 'feeds.id_separator') }} as account_id,
    {{ first_id('deal_rows.contact_id', 'feeds.id_separator') }} as contact_id,
    deal_rows.lead_id as lead_ids,
    -- what it is
    deal_rows.deal_name,
    deal_rows.lead_source,
    deal_rows.fields,
    deal_rows.amount,
    coalesce(deal_rows.currency, feeds.currency) as currency,
    -- where it stands
    deal_rows.pipeline as pipeline_name,
    deal_rows.stage as stage_name,
    {{ status_given('deal_rows') }} as status_given,
    deal_rows.lost_reason,
    case when chances.win_probability between 0 and 1 then chances.win_probability end as win_probability,
    -- when
    deal_rows.created_at,
    coalesce(deal_rows.expected_close_on, deal_rows.close_on) as expected_close_on,
    deal_rows.close_on,
    deal_rows.closed_at,
    deal_rows.won_at,
    deal_rows.lost_at,
    -- as delivered
    deal_rows.feed,
    deal_rows.extracted_at,
    deal_rows.first_delivered_at,
    deal_rows.last_delivered_at,
    {{ is_flagged_deleted('deal_rows') }} as is_flagged_deleted,
    deal_rows.is_gone,
    deal_rows.merged_ids,
    deal_rows.merged_into_id,
    feeds.id_separator
from deal_rows
inner join feeds
    on deal_rows.source = feeds.source
    and deal_rows.feed = feeds.feed
left join chances
    on deal_rows.source = chances.source
    and deal_rows.feed = chances.feed
    and deal_rows.deal_id = chances.deal_id
where deal_rows.row_state = 'current'
