-- What the night after finds, exported a day after generate.sql's extracts and made in the same database: 1 % of the
-- deals and of the leads are new or changed since, and there are 1 % more tasks. Opportunity, Lead, Account and User
-- are the whole list again, OpportunityHistory and Task hold what is new alone. All of it happened on 2025-12-31, and
-- is a function of a record's number and of what the first day says of it.

create schema second_day;

create macro this_day_s(record, salt) as getvariable('horizon_s') + 1 + cast(80000 * share(record, salt) as bigint);

-- ---------------------------------------------------------------- who moves, who comes

-- One open deal in twenty goes on: 0.7 % of all.
create table second_day.moves as
select
    walk.deal,
    walk.step + 1 as step,
    case
        when share(walk.deal * 32 + walk.step, 'move') < stages.win_share then 9
        when share(walk.deal * 32 + walk.step, 'move') < stages.win_share + stages.loss_share then 10
        else least(8, walk.stage + 1)
    end as stage,
    this_day_s(walk.deal, 'moves at') as entered_s
from walk
inner join stages on walk.stage = stages.stage
where
    walk.is_last
    and walk.stage < 8
    and walk.step < 30
    and share(walk.deal, 'moves on') < 0.05;

-- The others of the one in a hundred are new.
create table second_day.new_deals as
select
    range as deal,
    this_day_s(range, 'comes at') as created_s
from range(getvariable('deals'), getvariable('deals') + getvariable('deals') * 3 // 1000);

-- Leads that still were open and are decided: the first of them became the new deals.
create table second_day.decided_leads as
with open_leads as (
    select cast(substr("Id", 6, 10) as bigint) as lead
    from main."Lead"
    where
        "Status" in ('Working - Contacted', 'Open - Not Contacted')
        and share(cast(substr("Id", 6, 10) as bigint), 'decided') < 0.15
)

select
    lead,
    getvariable('deals') + row_number() over (order by lead) - 1 as deal
from open_leads;

create table second_day.new_leads as
select
    range as lead,
    this_day_s(range, 'comes at') as created_s
from range(getvariable('leads'), getvariable('leads') + getvariable('leads') * 5 // 1000);

-- Only what is open is worked on.
create table second_day.worked_on as
select
    deal,
    row_number() over (order by deal) - 1 as place
from deals
where is_open;

create view second_day.how_many as
select count(*) as open_deals
from second_day.worked_on;

-- ---------------------------------------------------------------- files

create view second_day."Opportunity" as
select
    first_day."Id",
    first_day."IsDeleted",
    first_day."AccountId",
    first_day."Name",
    coalesce(stages.name, first_day."StageName") as "StageName",
    first_day."Amount",
    case when moves.stage >= 9 then sf_date(moves.entered_s) else first_day."CloseDate" end as "CloseDate",
    first_day."LeadSource",
    case when moves.deal is not null then sf_boolean(moves.stage >= 9) else first_day."IsClosed" end as "IsClosed",
    case when moves.deal is not null then sf_boolean(moves.stage = 9) else first_day."IsWon" end as "IsWon",
    first_day."OwnerId",
    first_day."CreatedDate",
    case when moves.stage = 10 then 'Timing' else first_day."Loss_Reason__c" end as "Loss_Reason__c"
from main."Opportunity" as first_day
left join second_day.moves as moves on first_day."Id" = sf_id('006', moves.deal)
left join stages on moves.stage = stages.stage

union all

select
    sf_id('006', deal) as "Id",
    '0' as "IsDeleted",
    sf_id('001', account_of(deal)) as "AccountId",
    'Project ' || deal as "Name",
    'Prospecting' as "StageName",
    cast(1000 + 90000 * share(deal, 'size') as decimal(18, 2)) as "Amount",
    sf_date(created_s + 90 * 86400) as "CloseDate",
    source_of(deal) as "LeadSource",
    '0' as "IsClosed",
    '0' as "IsWon",
    sf_id('005', owner_of(deal)) as "OwnerId",
    sf_datetime(created_s) as "CreatedDate",
    null as "Loss_Reason__c"
from second_day.new_deals
order by "Id";

create view second_day."OpportunityHistory" as
with entered as (
    select
        deal,
        deal * 64 + step * 2 as version,
        entered_s as version_s
    from second_day.moves

    union all

    select
        deal,
        deal * 64 as version,
        created_s as version_s
    from second_day.new_deals
)

select
    sf_id('008', entered.version) as "Id",
    deals."Id" as "OpportunityId",
    sf_datetime(entered.version_s) as "CreatedDate",
    deals."StageName",
    deals."Amount",
    deals."CloseDate",
    '0' as "IsDeleted"
from entered
inner join second_day."Opportunity" as deals on sf_id('006', entered.deal) = deals."Id"
order by
    entered.version_s,
    entered.version;

create view second_day."Lead" as
select
    first_day."Id",
    first_day."IsDeleted",
    first_day."LastName",
    first_day."Company",
    first_day."Email",
    first_day."LeadSource",
    case
        when new_deals.deal is not null then 'Closed - Converted'
        when decided.lead is not null then 'Closed - Not Converted'
        else first_day."Status"
    end as "Status",
    first_day."OwnerId",
    first_day."CreatedDate",
    case when new_deals.deal is not null then '1' else first_day."IsConverted" end as "IsConverted",
    case
        when new_deals.deal is not null then sf_date(new_deals.created_s)
        else first_day."ConvertedDate"
    end as "ConvertedDate",
    case
        when new_deals.deal is not null then sf_id('006', new_deals.deal)
        else first_day."ConvertedOpportunityId"
    end as "ConvertedOpportunityId"
from main."Lead" as first_day
left join second_day.decided_leads as decided on first_day."Id" = sf_id('00Q', decided.lead)
left join second_day.new_deals as new_deals on decided.deal = new_deals.deal

union all

select
    sf_id('00Q', lead) as "Id",
    '0' as "IsDeleted",
    'Gwen ' || lead as "LastName",
    'Company ' || lead // 3 as "Company",
    'lead' || lead || '@example.com' as "Email",
    source_of(lead) as "LeadSource",
    'Open - Not Contacted' as "Status",
    sf_id('005', owner_of(lead)) as "OwnerId",
    sf_datetime(created_s) as "CreatedDate",
    '0' as "IsConverted",
    null as "ConvertedDate",
    '000000000000000AAA' as "ConvertedOpportunityId"
from second_day.new_leads
order by "Id";

-- First an answer to every new lead, then everyday work: on open deals, on leads, on deals that are gone.
create view second_day."Task" as
with numbered as (
    select
        range as task,
        range - getvariable('activities') as nth,
        share(range, 'about') as about
    from range(getvariable('activities'), getvariable('activities') + getvariable('activities') // 100)
),

pointed as (
    select
        numbered.task,
        new_leads.lead is not null as is_answer,
        case
            when new_leads.lead is not null then new_leads.lead
            when numbered.about < 0.15
                then cast(floor(getvariable('leads') * share(numbered.task, 'which lead')) as bigint)
        end as lead,
        case
            when new_leads.lead is null and numbered.about >= 0.15
                then cast(floor(how_many.open_deals * share(numbered.task, 'which deal')) as bigint)
        end as place,
        numbered.about > 0.985 as is_orphan,
        case
            when new_leads.lead is not null then new_leads.created_s + 60 + wait_s(numbered.task, 'delay', 0.02)
            else this_day_s(numbered.task, 'when')
        end as done_s
    from numbered
    left join second_day.new_leads as new_leads on getvariable('leads') + numbered.nth = new_leads.lead
    cross join second_day.how_many
),

timed as (
    select
        pointed.*,
        worked_on.deal,
        -- One in ten is planned for the days to come; an answer that would come later, too.
        (not pointed.is_answer and share(pointed.task, 'planned') < 0.1)
        or pointed.done_s > getvariable('horizon_s') + 86400 as is_planned,
        one_of(['Call', 'Call', 'Call', 'Email', 'Email', 'Email', 'Meeting', 'Other'], pointed.task, 'type')
            as task_type
    from pointed
    left join second_day.worked_on as worked_on on pointed.place = worked_on.place
)

select
    sf_id('00T', task) as "Id",
    case
        when lead is not null then sf_id('00Q', lead)
        when share(task, 'contact') < 0.5 then sf_id('003', deal)
        else '000000000000000AAA'
    end as "WhoId",
    sf_lookup('006', case when is_orphan then 900000000 + deal else deal end) as "WhatId",
    sf_id('005', owner_of(coalesce(deal, lead))) as "OwnerId",
    task_type as "Type",
    case
        when task_type = 'Call'
            then case when is_answer or share(task, 'direction') < 0.75 then 'Outbound' else 'Inbound' end
    end as "CallType",
    case when is_planned then sf_date(this_day_s(task, 'when') + 3 * 86400) else sf_date(done_s) end as "ActivityDate",
    sf_boolean(not is_planned) as "IsClosed",
    case when not is_planned and share(task, 'no time') > 0.02 then sf_datetime(done_s) end as "CompletedDateTime",
    '0' as "IsDeleted"
from timed
order by task;

create view second_day."Account" as
select
    "Id",
    "IsDeleted",
    "Name",
    "Industry",
    "OwnerId"
from main."Account";

create view second_day."User" as
select
    "Id",
    "Name",
    "Email",
    "IsActive"
from main."User";
