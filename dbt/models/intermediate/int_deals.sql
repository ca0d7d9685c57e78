-- One row per deal, from its newest delivered row, or from its history where no row was ever delivered.
with rows_delivered as (
    select * from {{ ref('int_deal_states') }}
),

logged as (
    select * from {{ ref('int_logged_deals') }}
),

deletions as (
    select * from {{ ref('int_deal_deletions') }}
),

sources as (
    select * from {{ ref('stg_config__sources') }}
),

told_only as (
    select * from {{ ref('int_deals_without_rows') }}
),

deals as (
    select
        deal_key,
        source,
        deal_id,
        deal_name,
        owner_id,
        account_id,
        lead_source,
        amount,
        currency,
        lost_reason,
        win_probability,
        fields,
        expected_close_on,
        created_at,
        first_delivered_at,
        extracted_at,
        pipeline as row_pipeline,
        stage as row_stage,
        outcome as row_outcome,
        coalesce(names_pipeline, false) as row_names_pipeline,
        given_closed_at,
        given_close_on,
        row_closed_at,
        creation_shown_at,
        true as has_row
    from rows_delivered

    union all

    select
        told_only.deal_key,
        told_only.source,
        told_only.deal_id,
        told_only.deal_name,
        told_only.owner_id,
        told_only.account_id,
        told_only.lead_source,
        told_only.amount,
        coalesce(told_only.currency, sources.currency) as currency,
        told_only.lost_reason,
        cast(null as double) as win_probability,
        told_only.fields,
        told_only.expected_close_on,
        told_only.created_at,
        told_only.first_delivered_at,
        told_only.extracted_at,
        cast(null as string) as row_pipeline,
        cast(null as string) as row_stage,
        cast(null as string) as row_outcome,
        false as row_names_pipeline,
        cast(null as timestamp) as given_closed_at,
        cast(null as date) as given_close_on,
        cast(null as timestamp) as row_closed_at,
        told_only.first_delivered_at as creation_shown_at,
        false as has_row
    from told_only
    inner join sources on told_only.source = sources.source
),

first_events as (
    select
        deal_key,
        min(entered_at) as first_event_at
    from {{ ref('int_history_events') }}
    group by deal_key
),

without_created_at as (
    select deals.deal_key
    from deals
    left join logged on deals.deal_key = logged.deal_key
    where coalesce(deals.created_at, logged.created_at) is null
),

-- twice is no matter: the earliest is looked for, and mostly there is nothing to look for it for
named_by_activities as {{ not_materialized() }} (
    select
        activity_key,
        concat_ws('', source, ':', deal_id) as deal_key
    from {{ ref('stg_activities') }}
    where deal_id is not null

    union all

    select
        activity_key,
        record_key as deal_key
    from {{ ref('int_activity_links') }}
    where entity = 'deals'
),

first_activities as (
    select
        without_created_at.deal_key,
        min(least(activities.created_at, activities.completed_at, activities.due_at)) as first_activity_at
    from without_created_at
    inner join named_by_activities as named on without_created_at.deal_key = named.deal_key
    inner join {{ ref('stg_activities') }} as activities on named.activity_key = activities.activity_key
    group by without_created_at.deal_key
),

first_conversions as (
    select
        deal_leads.deal_key,
        min(leads.converted_at) as converted_at
    from {{ ref('int_deal_leads') }} as deal_leads
    inner join {{ ref('int_leads') }} as leads on deal_leads.lead_key = leads.lead_key
    group by deal_leads.deal_key
),

dated as (
    select
        deals.* {{ except_columns(['created_at']) }},
        coalesce(
            deals.created_at,
            logged.created_at,
            least(
                first_events.first_event_at,
                logged.first_change_at,
                first_activities.first_activity_at,
                first_conversions.converted_at,
                -- a deal that is won or lost was created by then
                deals.row_closed_at,
                deals.first_delivered_at
            )
        ) as created_at,
        coalesce(deals.created_at, logged.created_at) is null as created_at_is_estimated
    from deals
    left join logged on deals.deal_key = logged.deal_key
    left join first_events on deals.deal_key = first_events.deal_key
    left join first_activities on deals.deal_key = first_activities.deal_key
    left join first_conversions on deals.deal_key = first_conversions.deal_key
)

select
    dated.*,
    deletions.deal_key is not null as is_deleted,
    deletions.deleted_at,
    deletions.merged_into_key,
    coalesce(deletions.is_by_merge, false) as is_deleted_by_merge,
    entries.merged_in_at,
    deal_leads.lead_key,
    -- a date after the run's moment is kept and flagged, but history starts when a delivery first shows it
    case
        when dated.created_at > run.as_of then dated.creation_shown_at
        else dated.created_at
    end as entered_pipeline_at
from dated
cross join {{ ref('stg_config__run') }} as run
left join deletions on dated.deal_key = deletions.deal_key
left join {{ ref('int_merge_entries') }} as entries on dated.deal_key = entries.deal_key
left join {{ ref('int_deal_leads') }} as deal_leads
    on dated.deal_key = deal_leads.deal_key
    and deal_leads.is_first
