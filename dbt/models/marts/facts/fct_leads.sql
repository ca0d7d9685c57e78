with leads as (
    select * from {{ ref('int_leads') }}
),

run as (
    select * from {{ ref('stg_config__run') }}
),

lead_activities as {{ not_materialized() }} (
    {{ activities_of('leads', 'lead_key') }}
),

first_responses as (
    select
        leads.lead_key,
        min(activities.completed_at) as first_response_at
    from leads
    inner join lead_activities as activities on leads.lead_key = activities.lead_key
    cross join run
    where
        activities.is_outbound_response
        and activities.completed_at >= leads.created_at
        and activities.completed_at <= run.as_of
    group by leads.lead_key
),

-- where the CRM itself says when the lead came
response_times as (
    select
        first_responses.lead_key,
        {{ seconds_between('leads.created_at', 'first_responses.first_response_at') }} / 3600.0 as response_hours
    from first_responses
    inner join leads on first_responses.lead_key = leads.lead_key
    where not leads.created_at_is_estimated
),

-- where no activity is delivered nobody knows whether a lead was answered
telling_sources as (
    select source
    from {{ ref('stg_config__delivered_columns') }}
    where
        entity = 'activities'
        and column_name = 'activity_id'
),

last_activities as (
    select
        activities.lead_key,
        max(activities.completed_at) as last_activity_at
    from lead_activities as activities
    cross join run
    where activities.completed_at <= run.as_of
    group by activities.lead_key
),

linked_deals as (
    select
        deal_leads.lead_key,
        min_by(deals.deal_key, concat_ws('', deals.created_at, deals.deal_key)) as deal_key
    from {{ ref('int_deal_leads') }} as deal_leads
    inner join {{ ref('int_deals') }} as deals on deal_leads.deal_key = deals.deal_key
    where not deals.is_deleted
    group by deal_leads.lead_key
)

select
    -- keys
    leads.lead_key,
    leads.source,
    leads.lead_id,
    case when leads.owner_id is not null then concat_ws('', leads.source, ':', leads.owner_id) end as owner_key,
    -- who and from where
    leads.lead_name,
    leads.company,
    leads.email,
    leads.lead_source,
    leads.fields,
    -- where it stands
    leads.status,
    leads.is_converted or linked_deals.deal_key is not null as is_converted,
    leads.is_converted or linked_deals.deal_key is not null or leads.has_closed_status as is_closed,
    case
        when contains(leads.converted_deal_ids, leads.id_separator) then linked_deals.deal_key
        when leads.converted_deal_ids is not null
            then coalesce(merged.survivor_key, concat_ws('', leads.source, ':', leads.converted_deal_ids))
        else linked_deals.deal_key
    end as converted_deal_key,
    -- when
    leads.created_at,
    {{ day_in('leads.created_at', 'run.timezone') }} as created_on,
    leads.created_at_is_estimated,
    first_responses.first_response_at,
    last_activities.last_activity_at,
    leads.converted_at,
    -- how fast it was answered
    response_times.response_hours,
    case
        when telling_sources.source is not null
            then coalesce(response_times.response_hours <= run.lead_response_sla_hours, false)
    end as is_answered_within_sla,
    case
        when telling_sources.source is not null
            then not leads.created_at_is_estimated
                and first_responses.first_response_at is null
                and {{ seconds_between('leads.created_at', 'run.as_of') }} / 3600.0 > run.lead_response_sla_hours
    end as is_unanswered
from leads
cross join run
left join first_responses on leads.lead_key = first_responses.lead_key
left join response_times on leads.lead_key = response_times.lead_key
left join last_activities on leads.lead_key = last_activities.lead_key
left join telling_sources on leads.source = telling_sources.source
left join linked_deals on leads.lead_key = linked_deals.lead_key
left join {{ ref('int_merges') }} as merged
    on merged.entity = 'deals'
    and concat_ws('', leads.source, ':', leads.converted_deal_ids) = merged.merged_key
