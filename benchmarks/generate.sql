-- The bench company: every value is a pure function of a record's number, so one size is always the same data.
-- Times are whole seconds since 2021-01-01 (`_s`) until a view writes them; the last event is on 2025-12-30.
-- generate.py sets the variables deals, leads, activities, accounts and users, and writes each view
-- named after a Salesforce object to a CSV file.

-- The last second of 2025-12-30, day 1824 counted from 0.
set variable horizon_s = 157679999;

-- ---------------------------------------------------------------- words

-- Evenly spread over [0, 1). The outer hash is needed: the inner one only shifts a record's hash by that of the salt,
-- so that two properties of one record would go together.
create macro share(record, salt) as (hash(hash(record, salt)) >> 11) / 9007199254740992.0;

-- Seconds, exponentially spread around a mean in days.
create macro wait_s(record, salt, mean_days) as cast(-ln(1 - share(record, salt)) * mean_days * 86400 as bigint);

create macro one_of(options, record, salt) as options[1 + cast(floor(share(record, salt) * len(options)) as int)];

-- 18 characters; AAA is the true checksum of an id without capital letters.
create macro sf_id(prefix, number) as prefix || '5g' || lpad(cast(number as varchar), 10, '0') || 'AAA';

create macro sf_lookup(prefix, number) as coalesce(sf_id(prefix, number), '000000000000000AAA');

create macro sf_datetime(at_s) as cast(timestamp '2021-01-01 00:00:00' + to_seconds(at_s) as varchar);

-- The Data Export writes a midnight behind a day.
create macro sf_date(at_s) as sf_datetime(at_s // 86400 * 86400);

create macro sf_boolean(is_true) as case when is_true then '1' else '0' end;

-- ---------------------------------------------------------------- who and when

create macro deal_created_s(deal) as cast(
    floor((getvariable('horizon_s') - 20000) * pow(share(deal, 'deal created'), 0.6)) as bigint
);

create macro owner_of(record) as cast(floor(getvariable('users') * pow(share(record, 'owner'), 1.5)) as bigint);

create macro account_of(deal) as cast(floor(getvariable('accounts') * share(deal, 'account')) as bigint);

create macro source_of(record) as one_of(
    ['Web', 'Web', 'Phone Inquiry', 'Partner Referral', 'Purchased List', 'Trade Show', 'Other', null],
    record,
    'lead source'
);

-- Five leads to a deal; the first of each five becomes the deal, now and then the second as well.
create macro lead_deal(lead) as case
    when lead % 5 = 0 and share(lead, 'converts') < 0.55 then lead // 5
    when lead % 5 = 1 and share(lead, 'converts') < 0.03 then lead // 5
end;

create macro lead_created_s(lead) as case
    when lead_deal(lead) is not null
        then greatest(0, deal_created_s(lead_deal(lead)) - wait_s(lead, 'lead age', 20))
    else cast(floor((getvariable('horizon_s') - 3600) * pow(share(lead, 'lead created'), 0.7)) as bigint)
end;

-- ---------------------------------------------------------------- deals

create table stages as
select
    stage,
    name,
    win_share,
    loss_share,
    back_share,
    stay_days
from (
    values
    (1, 'Prospecting', 0.02, 0.20, 0.00, 55),
    (2, 'Qualification', 0.04, 0.21, 0.03, 60),
    (3, 'Needs Analysis', 0.10, 0.22, 0.04, 70),
    (4, 'Value Proposition', 0.12, 0.22, 0.05, 70),
    (5, 'Id. Decision Makers', 0.16, 0.22, 0.05, 65),
    (6, 'Perception Analysis', 0.22, 0.20, 0.05, 55),
    (7, 'Proposal/Price Quote', 0.42, 0.24, 0.05, 55),
    (8, 'Negotiation/Review', 0.66, 0.24, 0.10, 40),
    (9, 'Closed Won', null, null, null, null),
    (10, 'Closed Lost', null, null, null, null)
) as listed (stage, name, win_share, loss_share, back_share, stay_days);

-- A deal walks from stage to stage until it is won, lost, or the data end. One lost deal in a hundred comes back.
create table walk as
with recursive walked as (
    select
        range as deal,
        0 as step,
        case when share(range, 'start') < 0.6 then 1 when share(range, 'start') < 0.9 then 2 else 3 end as stage,
        deal_created_s(range) as entered_s
    from range(getvariable('deals'))

    union all

    select
        left_stage.deal,
        left_stage.step + 1 as step,
        case
            when left_stage.stage = 10 then 4
            when left_stage.luck < left_stage.win_share then 9
            when left_stage.luck < left_stage.win_share + left_stage.loss_share then 10
            when left_stage.luck < left_stage.win_share + left_stage.loss_share + left_stage.back_share
                then left_stage.stage - 1
            else least(8, left_stage.stage + left_stage.leap)
        end as stage,
        left_stage.left_s as entered_s
    from (
        select
            walked.deal,
            walked.step,
            walked.stage,
            stages.win_share,
            stages.loss_share,
            stages.back_share,
            share(walked.deal * 32 + walked.step, 'move') as luck,
            one_of([1, 1, 1, 1, 1, 1, 2, 2, 2, 3], walked.deal * 32 + walked.step, 'leap') as leap,
            walked.entered_s
            + 3600
            + wait_s(walked.deal * 32 + walked.step, 'stay', coalesce(stages.stay_days, 30)) as left_s
        from walked
        inner join stages on walked.stage = stages.stage
        where
            walked.step < 30
            and (walked.stage <= 8 or (walked.stage = 10 and share(walked.deal * 32 + walked.step, 'back') < 0.01))
    ) as left_stage
    where left_stage.left_s < getvariable('horizon_s') - 3600
)

select
    deal,
    step,
    stage,
    entered_s,
    step = max(step) over (partition by deal) as is_last
from walked;

-- Dirt, as a share of all deals: about 1.5 % each: stale, past their close date, without an amount, closed
-- before they were created.
create table deals as
with ends as (
    select
        deal,
        stage,
        entered_s,
        stage <= 8 as is_open,
        deal_created_s(deal) as created_s
    from walk
    where is_last
),

judged as (
    select
        *,
        is_open and entered_s < (1825 - 30) * 86400 and share(deal, 'stale') < 0.18 as is_stale,
        is_open and share(deal, 'past close') < 0.1 as is_past_close,
        not is_open and created_s > 40 * 86400 and share(deal, 'early close') < 0.015 as is_closed_early,
        share(deal, 'no amount') < case when is_open and stage >= 7 then 0.1 else 0.015 end as has_no_amount,
        sqrt(-2 * ln(1 - share(deal, 'size'))) * cos(2 * pi() * share(deal, 'size angle')) as bell
    from ends
)

select
    deal,
    stage,
    is_open,
    is_stale,
    created_s,
    case when has_no_amount then null else cast(exp(9.5 + 1.1 * bell) as decimal(18, 2)) end as amount,
    case
        when is_past_close then (1824 - cast(60 * share(deal, 'close on') as bigint)) * 86400
        when is_open then (1827 + cast(120 * share(deal, 'close on') as bigint)) * 86400
        when is_closed_early then created_s - (1 + cast(20 * share(deal, 'close on') as bigint)) * 86400
        -- One in five is booked a few days before it is moved to its last stage.
        when share(deal, 'booked') < 0.2
            then greatest(created_s, entered_s - cast(3 * share(deal, 'close on') as bigint) * 86400)
        else entered_s
    end as close_s,
    -- Nothing is done on a stale or closed deal after its last change of stage.
    case when is_open and not is_stale then getvariable('horizon_s') - 3600 else entered_s end as active_until_s
from judged
order by deal;

-- ---------------------------------------------------------------- files

create view "Opportunity" as
select
    sf_id('006', deals.deal) as "Id",
    '0' as "IsDeleted",
    sf_id('001', account_of(deals.deal)) as "AccountId",
    'Project ' || deals.deal as "Name",
    stages.name as "StageName",
    deals.amount as "Amount",
    sf_date(deals.close_s) as "CloseDate",
    case when share(deals.deal, 'own source') < 0.6 then source_of(deals.deal) end as "LeadSource",
    sf_boolean(not deals.is_open) as "IsClosed",
    sf_boolean(deals.stage = 9) as "IsWon",
    sf_id('005', owner_of(deals.deal)) as "OwnerId",
    sf_datetime(deals.created_s) as "CreatedDate",
    case
        when deals.stage = 10 and share(deals.deal, 'reason') < 0.98
            then one_of(['Price', 'Competitor', 'No budget', 'No decision', 'Timing'], deals.deal, 'which reason')
    end as "Loss_Reason__c"
from deals
inner join stages on deals.stage = stages.stage
order by deals.deal;

-- One row per stage entered, and in one stay of seven another for a new amount. The last row says what the deal says.
create view "OpportunityHistory" as
with rows_of_stays as (
    select
        deal,
        stage,
        is_last and share(deal * 32 + step, 'edited') >= 0.14 as is_final,
        deal * 64 + step * 2 as version,
        entered_s as version_s,
        step
    from walk

    union all

    select
        deal,
        stage,
        is_last as is_final,
        deal * 64 + step * 2 + 1 as version,
        entered_s + 1800 as version_s,
        step
    from walk
    where share(deal * 32 + step, 'edited') < 0.14
)

select
    sf_id('008', rows_of_stays.version) as "Id",
    sf_id('006', rows_of_stays.deal) as "OpportunityId",
    sf_datetime(rows_of_stays.version_s) as "CreatedDate",
    stages.name as "StageName",
    case
        when rows_of_stays.is_final or share(rows_of_stays.version, 'repriced') > 0.3 then deals.amount
        else cast(deals.amount * (0.8 + 0.4 * share(rows_of_stays.version, 'price')) as decimal(18, 2))
    end as "Amount",
    case
        when rows_of_stays.is_final then sf_date(deals.close_s)
        else sf_date(deals.created_s + (90 + 30 * greatest(0, rows_of_stays.step - 2)) * 86400)
    end as "CloseDate",
    '0' as "IsDeleted"
from rows_of_stays
inner join deals on rows_of_stays.deal = deals.deal
inner join stages on rows_of_stays.stage = stages.stage
order by
    rows_of_stays.version_s,
    rows_of_stays.version;

create view "Lead" as
with leads as (
    select
        range as lead,
        lead_deal(range) as deal,
        lead_created_s(range) as created_s,
        lead_deal(range) is not null or (range % 5 = 2 and share(range, 'converts') < 0.005) as is_converted,
        share(range, 'status') as luck
    from range(getvariable('leads'))
)

select
    sf_id('00Q', lead) as "Id",
    '0' as "IsDeleted",
    one_of(['Ada', 'Bela', 'Chloe', 'Dimitri', 'Esra', 'Farid'], lead, 'name') || ' ' || lead as "LastName",
    'Company ' || lead // 3 as "Company",
    -- One in two hundred writes again under an address that is already there.
    'lead' || greatest(0, case when share(lead, 'again') < 0.005 then lead - 5 else lead end) || '@example.com'
        as "Email",
    source_of(coalesce(deal, lead)) as "LeadSource",
    case
        when is_converted then 'Closed - Converted'
        -- After two months all but one in a hundred are decided.
        when created_s < (1825 - 60) * 86400 and luck > 0.01 then 'Closed - Not Converted'
        when luck < 0.6 then 'Working - Contacted'
        when luck < 0.8 then 'Open - Not Contacted'
        else 'Closed - Not Converted'
    end as "Status",
    sf_id('005', owner_of(lead)) as "OwnerId",
    sf_datetime(created_s) as "CreatedDate",
    sf_boolean(is_converted) as "IsConverted",
    case when is_converted then sf_date(coalesce(deal_created_s(deal), created_s)) end as "ConvertedDate",
    sf_lookup('006', deal) as "ConvertedOpportunityId"
from leads;

-- First one answer to every lead, then one fresh touch and one planned step for every deal, then everyday work:
-- on deals, on leads, on accounts, and 1.5 % of all on deals that are gone.
create view "Task" as
with numbered as (
    select
        range as task,
        range < getvariable('leads') as is_answer,
        range >= getvariable('leads') and range < getvariable('leads') + getvariable('deals') as is_touch,
        range >= getvariable('leads') + getvariable('deals')
        and range < getvariable('leads') + 2 * getvariable('deals') as is_plan,
        range >= getvariable('leads') + 2 * getvariable('deals') as is_everyday,
        share(range, 'about') as about
    from range(getvariable('activities'))
),

pointed as (
    select
        task,
        is_answer,
        is_touch,
        is_plan,
        case
            when is_answer then task
            when is_everyday and about < 0.12
                then cast(floor(getvariable('leads') * share(task, 'which lead')) as bigint)
        end as lead,
        case when is_everyday and about between 0.12 and 0.15 then account_of(task) end as account,
        case
            when is_touch or is_plan then task % getvariable('deals')
            when is_everyday and about > 0.15
                then cast(floor(getvariable('deals') * share(task, 'which deal')) as bigint)
        end as deal,
        is_everyday and about > 0.972 as is_orphan,
        share(task, 'when') as moment,
        case when share(task, 'late') < 0.02 then 4 else 0.2 end as delay_days
    from numbered
),

timed as (
    select
        pointed.*,
        deals.is_open and pointed.is_plan and share(pointed.task, 'planned') < 0.95 as is_planned,
        case
            when pointed.is_answer
                then lead_created_s(pointed.lead) + 60 + wait_s(pointed.task, 'delay', pointed.delay_days)
            when pointed.lead is not null then lead_created_s(pointed.lead) + wait_s(pointed.task, 'delay', 10)
            when pointed.deal is null
                then cast(floor((getvariable('horizon_s') - 3600) * pointed.moment) as bigint)
            when deals.is_open and pointed.is_plan and share(pointed.task, 'planned') < 0.95
                then cast((1827 + 40 * pointed.moment) * 86400 as bigint)
            when deals.is_open and not deals.is_stale and pointed.is_touch
                then greatest(deals.created_s, cast((1796 + 28.9 * pointed.moment) * 86400 as bigint))
            else deals.created_s + cast((deals.active_until_s - deals.created_s) * pointed.moment as bigint)
        end as at_s
    from pointed
    left join deals on pointed.deal = deals.deal
),

done as (
    select
        *,
        coalesce(not is_planned, true)
        and at_s < getvariable('horizon_s')
        and (is_touch or is_answer or share(task, 'undone') > 0.01) as is_done,
        case
            when is_answer and share(task, 'answered') > 0.98 then 'Other'
            when is_answer then one_of(['Call', 'Call', 'Email', 'Email', 'Meeting'], task, 'type')
            else one_of(['Call', 'Call', 'Call', 'Email', 'Email', 'Email', 'Meeting', 'Other'], task, 'type')
        end as task_type
    from timed
)

select
    sf_id('00T', task) as "Id",
    case
        when lead is not null then sf_id('00Q', lead)
        when share(task, 'contact') < 0.5 then sf_id('003', deal)
        else '000000000000000AAA'
    end as "WhoId",
    case
        when deal is not null then sf_id('006', case when is_orphan then 900000000 + deal else deal end)
        else sf_lookup('001', account)
    end as "WhatId",
    sf_id('005', owner_of(coalesce(deal, lead, account))) as "OwnerId",
    task_type as "Type",
    case
        when task_type = 'Call'
            then case when is_answer or share(task, 'direction') < 0.75 then 'Outbound' else 'Inbound' end
    end as "CallType",
    sf_date(at_s) as "ActivityDate",
    sf_boolean(is_done) as "IsClosed",
    -- One done task in fifty was ticked off where no time is kept.
    case when is_done and share(task, 'no time') > 0.02 then sf_datetime(at_s) end as "CompletedDateTime",
    '0' as "IsDeleted"
from done
order by task;

create view "Account" as
select
    sf_id('001', range) as "Id",
    '0' as "IsDeleted",
    'Account ' || range as "Name",
    one_of(
        ['Banking', 'Education', 'Energy', 'Healthcare', 'Manufacturing', 'Retail', 'Technology', null],
        range,
        'industry'
    ) as "Industry",
    sf_id('005', owner_of(range)) as "OwnerId"
from range(getvariable('accounts'));

create view "User" as
select
    sf_id('005', range) as "Id",
    'Seller ' || range as "Name",
    'seller' || range || '@example.com' as "Email",
    sf_boolean(share(range, 'active') > 0.03) as "IsActive"
from range(getvariable('users'));
