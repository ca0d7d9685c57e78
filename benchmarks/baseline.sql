-- The same core results as the nightly run, as an expert would write them by hand for this one CRM and these files:
-- plain DuckDB, typed, CSV to marts in one pass, without lake, history of deliveries, checks, report or any
-- configuration. Tables and columns are named as the published ones, so that run.py can ask both databases alike.
-- baseline.py sets the variables extracted_at and as_of, and one with the files of each object. Times are in UTC, the
-- currency is USD; its macro `local` makes the reporting timezone of UTC, and `utc` UTC of the reporting timezone.

set preserve_insertion_order = false;

set variable as_of_on = cast(local(getvariable('as_of')) as date);

set variable stale_after_days = 30;

-- One transaction: one flush to disk at its end instead of one per table.
begin transaction;

create schema marts;

create schema quality;

-- ---------------------------------------------------------------- words

create table marts.dim_stages as
select
    stage,
    cast(stage_order as tinyint) as stage_order,
    canonical_stage
from (
    values
    ('Prospecting', 1, 'prospecting'),
    ('Qualification', 2, 'qualifying'),
    ('Needs Analysis', 3, 'qualifying'),
    ('Value Proposition', 4, 'demo'),
    ('Id. Decision Makers', 5, 'demo'),
    ('Perception Analysis', 6, 'demo'),
    ('Proposal/Price Quote', 7, 'proposal'),
    ('Negotiation/Review', 8, 'closing'),
    ('Closed Won', 9, 'won'),
    ('Closed Lost', 10, 'lost')
) as listed (stage, stage_order, canonical_stage);

create temporary table accounts as
select
    account_id,
    segment
from
    read_csv(
        getvariable('Account'),
        header = true,
        auto_detect = false,
        columns = {
            'account_id': 'varchar',
            'is_deleted': 'boolean',
            'account_name': 'varchar',
            'segment': 'varchar',
            'owner_id': 'varchar'
        }
    );

-- ---------------------------------------------------------------- activities

-- A task is due on a day, which is in the reporting timezone. Done without a time: done in the last second of that day,
-- at the latest when it was exported.
create table marts.fct_activities as
select
    activity_id,
    lower(activity_type) as activity_type,
    lower(direction) as direction,
    case when starts_with(what_id, '006') then what_id end as deal_id,
    case when starts_with(who_id, '00Q') then who_id end as lead_id,
    case when starts_with(what_id, '001') then what_id end as account_id,
    owner_id,
    utc(due_on) as due_at,
    case
        when is_done
            then coalesce(
                completed_at,
                least(utc(due_on + interval '1 day' - interval '1 second'), getvariable('extracted_at'))
            )
    end as completed_at,
    is_done
from
    read_csv(
        getvariable('Task'),
        header = true,
        auto_detect = false,
        nullstr = ['', '000000000000000AAA'],
        columns = {
            'activity_id': 'varchar',
            'who_id': 'varchar',
            'what_id': 'varchar',
            'owner_id': 'varchar',
            'activity_type': 'varchar',
            'direction': 'varchar',
            'due_on': 'timestamp',
            'is_done': 'boolean',
            'completed_at': 'timestamp',
            'is_deleted': 'boolean'
        }
    )
where not is_deleted;

-- ---------------------------------------------------------------- leads

create temporary table leads as
select
    lead_id,
    owner_id,
    lead_source,
    status,
    created_at,
    is_converted,
    utc(converted_on) as converted_at,
    converted_deal_id
from
    read_csv(
        getvariable('Lead'),
        header = true,
        auto_detect = false,
        nullstr = ['', '000000000000000AAA'],
        columns = {
            'lead_id': 'varchar',
            'is_deleted': 'boolean',
            'lead_name': 'varchar',
            'company': 'varchar',
            'email': 'varchar',
            'lead_source': 'varchar',
            'status': 'varchar',
            'owner_id': 'varchar',
            'created_at': 'timestamp',
            'is_converted': 'boolean',
            'converted_on': 'timestamp',
            'converted_deal_id': 'varchar'
        }
    )
where not is_deleted;

create table marts.fct_leads as
with first_responses as (
    select
        leads.lead_id,
        min(responses.completed_at) as first_response_at
    from marts.fct_activities as responses
    inner join leads on responses.lead_id = leads.lead_id
    where
        responses.activity_type in ('call', 'email', 'meeting')
        and coalesce(responses.direction, '') <> 'inbound'
        and responses.completed_at between leads.created_at and getvariable('as_of')
    group by leads.lead_id
)

select
    leads.lead_id,
    leads.owner_id,
    leads.lead_source,
    leads.status,
    leads.created_at,
    first_responses.first_response_at,
    leads.converted_at,
    leads.converted_deal_id,
    leads.is_converted
from leads
left join first_responses on leads.lead_id = first_responses.lead_id;

-- ---------------------------------------------------------------- the stage history of deals

-- A version that changes no stage is no move. Each move knows the one before it and the one behind it.
create temporary table moves as
with versions as (
    select
        deal_id,
        version_id,
        version_at,
        stage,
        amount,
        lag(stage) over (
            partition by deal_id
            order by
                version_at,
                version_id
        ) as previous_stage
    from
        read_csv(
            getvariable('OpportunityHistory'),
            header = true,
            auto_detect = false,
            columns = {
                'version_id': 'varchar',
                'deal_id': 'varchar',
                'version_at': 'timestamp',
                'stage': 'varchar',
                'amount': 'decimal(18, 2)',
                'expected_close_at': 'timestamp',
                'is_deleted': 'boolean'
            }
        )
    where
        not is_deleted
        and version_at <= getvariable('as_of')
),

changes as (
    select
        versions.deal_id,
        versions.version_id,
        versions.version_at,
        versions.amount,
        versions.previous_stage,
        versions.stage,
        stages.stage_order
    from versions
    inner join marts.dim_stages as stages on versions.stage = stages.stage
    where versions.stage is distinct from versions.previous_stage
)

select
    deal_id,
    row_number() over in_time as transition_number,
    previous_stage as from_stage,
    lag(stage_order) over in_time as from_order,
    stage as to_stage,
    stage_order as to_order,
    version_at as transitioned_at,
    lag(version_at) over in_time as entered_from_stage_at,
    lead(version_at) over in_time as left_at,
    lead(stage_order) over in_time as next_order,
    amount
from changes
window in_time as (partition by deal_id order by version_at, version_id);

create table marts.fct_stage_transitions as
select
    deal_id,
    transition_number,
    from_stage,
    to_stage,
    transitioned_at,
    date_diff('second', entered_from_stage_at, transitioned_at) as seconds_in_from_stage,
    case
        when from_order is null then 'created'
        when to_order = 9 then 'won'
        when to_order = 10 then 'lost'
        when from_order >= 9 then 'reopened'
        when to_order < from_order then 'regressed'
        else 'advanced'
    end as direction,
    amount
from moves;

create table marts.fct_stage_visits as
select
    deal_id,
    to_stage as stage,
    to_order as stage_order,
    transitioned_at as entered_at,
    left_at as exited_at,
    date_diff('day', local(transitioned_at), local(coalesce(left_at, getvariable('as_of')))) as days_in_stage,
    case
        when next_order is null then 'open'
        when next_order = 10 then 'lost'
        when next_order < to_order then 'regressed'
        else 'advanced'
    end as outcome
from moves
where to_order < 9;

-- ---------------------------------------------------------------- deals

create table marts.fct_deals as
with opportunities as (
    select
        deal_id,
        deal_name,
        stage,
        case when is_won then 'won' when is_closed then 'lost' else 'open' end as status,
        owner_id,
        account_id,
        lead_source,
        amount,
        created_at,
        cast(close_at as date) as close_on,
        lost_reason
    from
        read_csv(
            getvariable('Opportunity'),
            header = true,
            auto_detect = false,
            nullstr = ['', '000000000000000AAA'],
            columns = {
                'deal_id': 'varchar',
                'is_deleted': 'boolean',
                'account_id': 'varchar',
                'deal_name': 'varchar',
                'stage': 'varchar',
                'amount': 'decimal(18, 2)',
                'close_at': 'timestamp',
                'lead_source': 'varchar',
                'is_closed': 'boolean',
                'is_won': 'boolean',
                'owner_id': 'varchar',
                'created_at': 'timestamp',
                'lost_reason': 'varchar'
            }
        )
    where not is_deleted
),

first_leads as (
    select
        converted_deal_id as deal_id,
        arg_min(lead_id, (created_at, lead_id)) as lead_id,
        arg_min_null(lead_source, (created_at, lead_id)) as lead_source,
        min(created_at) as created_at
    from leads
    where converted_deal_id is not null
    group by converted_deal_id
),

last_moves as (
    select
        deal_id,
        max(transitioned_at) as moved_at,
        -- Won or lost since the last move that crossed from one outcome, or from open, to another.
        max(transitioned_at) filter (where to_order >= 9 and to_order is distinct from from_order) as closed_at
    from moves
    group by deal_id
),

last_activities as (
    select
        deal_id,
        max(completed_at) as last_activity_at
    from marts.fct_activities
    where
        deal_id is not null
        and completed_at <= getvariable('as_of')
    group by deal_id
),

related as (
    select
        opportunities.*,
        accounts.segment,
        first_leads.lead_id,
        first_leads.lead_source as lead_source_of_lead,
        cast(local(coalesce(first_leads.created_at, opportunities.created_at)) as date) as first_contact_on
    from opportunities
    left join accounts on opportunities.account_id = accounts.account_id
    left join first_leads on opportunities.deal_id = first_leads.deal_id
)

select
    related.deal_id,
    related.deal_name,
    related.stage,
    related.status,
    related.owner_id,
    related.account_id,
    related.segment,
    related.lead_id,
    coalesce(related.lead_source, related.lead_source_of_lead) as lead_source,
    related.amount as amount_reporting,
    related.created_at,
    related.close_on as expected_close_on,
    case when related.status <> 'open' then last_moves.closed_at end as closed_at,
    case when related.status <> 'open' then related.close_on end as closed_on,
    -- A first contact after the closing is a mistake, and no duration.
    case
        when related.status = 'won' and related.close_on >= related.first_contact_on
            then related.close_on - related.first_contact_on
    end as sales_cycle_days,
    related.lost_reason,
    last_activities.last_activity_at,
    greatest(related.created_at, last_moves.moved_at, last_activities.last_activity_at) as last_touch_at
from related
left join last_moves on related.deal_id = last_moves.deal_id
left join last_activities on related.deal_id = last_activities.deal_id;

-- ---------------------------------------------------------------- metrics by month

-- Three countings, each by its own month and by every grain; under them a row without figures for every month of
-- every value; then all four are laid on one another.
create table marts.mart_monthly_metrics as
with leads_by_grain as (
    select
        cast(date_trunc('month', local(created_at)) as date) as month,
        unnest(['all', 'source', 'owner', 'lead_source']) as grain,
        unnest(['all', 'bench', owner_id, lead_source]) as grain_value,
        is_converted,
        date_diff('second', created_at, first_response_at) / 3600.0 as response_hours
    from marts.fct_leads
),

created_leads as (
    select
        month,
        grain,
        grain_value,
        count(*) as new_leads,
        count(*) filter (where is_converted) as converted_leads,
        avg(response_hours) as response_hours,
        median(response_hours) as response_hours_median
    from leads_by_grain
    group by all
),

deals_by_grain as (
    select
        cast(date_trunc('month', local(created_at)) as date) as created_month,
        cast(date_trunc('month', closed_on) as date) as closed_month,
        unnest(['all', 'source', 'pipeline', 'owner', 'segment', 'lead_source']) as grain,
        unnest(['all', 'bench', 'default', owner_id, segment, lead_source]) as grain_value,
        status,
        amount_reporting,
        sales_cycle_days
    from marts.fct_deals
),

created_deals as (
    select
        created_month as month,
        grain,
        grain_value,
        count(*) as opportunities_created,
        count(*) filter (where status = 'won') as opportunities_created_won
    from deals_by_grain
    group by all
),

closed_deals as (
    select
        closed_month as month,
        grain,
        grain_value,
        count(*) filter (where status = 'won') as deals_won,
        count(*) filter (where status = 'lost') as deals_lost,
        sum(amount_reporting) filter (where status = 'won') as won_amount,
        count(amount_reporting) filter (where status = 'won') as won_deals_with_amount,
        avg(sales_cycle_days) as sales_cycle_days,
        median(sales_cycle_days) as sales_cycle_days_median
    from deals_by_grain
    where closed_month is not null
    group by all
),

counted as (
    select * from created_leads
    union all by name
    select * from created_deals
    union all by name
    select * from closed_deals
),

months as (
    select cast(range as date) as month
    from range(
        (select min(counted.month) from counted),
        getvariable('as_of_on') + interval 1 day,
        interval 1 month
    )
),

values_of_grains as (
    select
        grain,
        grain_value
    from counted
    group by
        grain,
        grain_value
),

every_month as (
    select
        months.month,
        values_of_grains.grain,
        values_of_grains.grain_value
    from months
    cross join values_of_grains

    union all by name

    select * from counted
)

select
    month,
    grain,
    grain_value,
    month < date_trunc('month', getvariable('as_of_on')) as is_complete_month,
    case when grain not in ('pipeline', 'segment') then coalesce(sum(new_leads), 0) end as new_leads,
    case when grain not in ('pipeline', 'segment') then coalesce(sum(converted_leads), 0) end as converted_leads,
    coalesce(sum(opportunities_created), 0) as opportunities_created,
    coalesce(sum(opportunities_created_won), 0) as opportunities_created_won,
    coalesce(sum(deals_won), 0) as deals_won,
    coalesce(sum(deals_lost), 0) as deals_lost,
    cast(coalesce(sum(won_amount), 0) as decimal(18, 2)) as won_amount,
    coalesce(sum(won_deals_with_amount), 0) as won_deals_with_amount,
    sum(won_amount) / nullif(sum(won_deals_with_amount), 0) as avg_deal_size,
    sum(deals_won) / nullif(sum(deals_won) + sum(deals_lost), 0) as win_rate,
    any_value(sales_cycle_days) as sales_cycle_days,
    any_value(sales_cycle_days_median) as sales_cycle_days_median,
    any_value(response_hours) as response_hours,
    any_value(response_hours_median) as response_hours_median
from every_month
group by
    month,
    grain,
    grain_value
order by
    grain,
    grain_value,
    month;

-- ---------------------------------------------------------------- metrics by stage

create table marts.mart_stage_metrics as
select
    cast(date_trunc('month', local(entered_at)) as date) as month,
    stage,
    stage_order,
    count(*) as entered,
    count(*) filter (where outcome = 'advanced') as advanced,
    count(*) filter (where outcome = 'regressed') as regressed,
    count(*) filter (where outcome = 'lost') as lost,
    count(*) filter (where outcome = 'open') as open,
    count(*) filter (where outcome = 'lost') / nullif(count(*) filter (where outcome <> 'open'), 0) as drop_off_rate,
    count(*) filter (where outcome = 'advanced') / nullif(count(*) filter (where outcome <> 'open'), 0)
        as conversion_rate,
    avg(days_in_stage) filter (where outcome <> 'open') as days_in_stage_mean,
    median(days_in_stage) filter (where outcome <> 'open') as days_in_stage_median
from marts.fct_stage_visits
group by all
order by
    month,
    stage_order;

-- ---------------------------------------------------------------- violations

create table quality.hygiene_violations as
with deals as (
    select
        fct_deals.deal_id,
        fct_deals.status,
        stages.stage_order,
        fct_deals.amount_reporting,
        fct_deals.expected_close_on,
        fct_deals.closed_on,
        cast(local(fct_deals.created_at) as date) as created_on,
        date_diff('day', local(fct_deals.last_touch_at), local(getvariable('as_of'))) as days_untouched
    from marts.fct_deals
    inner join marts.dim_stages as stages on fct_deals.stage = stages.stage
),

broken as (
    select
        'stale_deal' as rule,
        'deals' as entity,
        deal_id as record_key,
        cast(days_untouched as varchar) as observed,
        cast(getvariable('stale_after_days') as varchar) as allowed
    from deals
    where
        status = 'open'
        and days_untouched > getvariable('stale_after_days')

    union all

    select
        'past_close_date' as rule,
        'deals' as entity,
        deal_id as record_key,
        cast(expected_close_on as varchar) as observed,
        cast(getvariable('as_of_on') as varchar) as allowed
    from deals
    where
        status = 'open'
        and expected_close_on < getvariable('as_of_on')

    union all

    select
        'closed_before_created' as rule,
        'deals' as entity,
        deal_id as record_key,
        cast(closed_on as varchar) as observed,
        cast(created_on as varchar) as allowed
    from deals
    where closed_on < created_on

    union all

    select
        'missing_amount' as rule,
        'deals' as entity,
        deal_id as record_key,
        null as observed,
        null as allowed
    from deals
    where
        status = 'open'
        and stage_order >= 7
        and amount_reporting is null

    union all

    select
        'orphan_activity' as rule,
        'activities' as entity,
        activities.activity_id as record_key,
        coalesce(activities.deal_id, activities.lead_id, activities.account_id) as observed,
        null as allowed
    from marts.fct_activities as activities
    anti join marts.fct_deals as known_deals on activities.deal_id = known_deals.deal_id
    anti join marts.fct_leads as known_leads on activities.lead_id = known_leads.lead_id
    anti join accounts as known_accounts on activities.account_id = known_accounts.account_id
)

select
    rule,
    entity,
    record_key,
    observed,
    allowed,
    cast(null as date) as resolved_on
from broken;

commit;
