"""acme_salesforce: the files of a Salesforce Data Export, all of them full extracts.

Every cell quoted, times in UTC, booleans 0 and 1, an empty lookup as 000000000000000AAA.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from seeds.make_extracts.business import Account, Activity, Deal, Lead, Owner, Record, Version, World
from seeds.make_extracts.clock import DELIVERY_DAYS
from seeds.make_extracts.delivery import Dialect, Extract, Night, Table, nights

NO_LOOKUP = "000000000000000AAA"
NO_CURRENCY = "000"
_DIALECT = Dialect(quote_all=True)
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_CLOSED_STAGES = {"won": "Closed Won", "lost": "Closed Lost"}
_PROBABILITY = {"prospecting": 10, "qualifying": 20, "demo": 60, "proposal": 75, "closing": 90}
#: The big objects are exported every other night.
_BIG = {"Lead", "OpportunityHistory", "Task"}
_BIG_NIGHTS = (DELIVERY_DAYS[0], DELIVERY_DAYS[2])


def salesforce_id(prefix: str, number: int) -> str:
    """An 18-character id: prefix, instance, number, and three that say which letters are capital."""
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    short = f"{prefix}5g0000{digits}"
    check = ""
    for start in (0, 5, 10):
        check += _BASE32[sum(1 << bit for bit, char in enumerate(short[start : start + 5]) if char.isupper())]
    return short + check


def give_ids(world: World, rng: random.Random) -> None:
    """Numbers every record in the order of creation, with gaps."""
    for records in (world.accounts, world.leads, world.deals, world.activities):
        records.sort(key=lambda record: record.created_at)
    numbered: tuple[tuple[str, Sequence[Record]], ...] = (
        ("001", world.accounts),
        ("00Q", world.leads),
        ("006", world.deals),
        ("00T", world.activities),
        ("005", world.owners),
    )
    for prefix, records_of_kind in numbered:
        for record, record_id in zip(records_of_kind, _ids(prefix, rng, len(records_of_kind)), strict=True):
            record.id = record_id


def extracts(world: World) -> Iterator[Extract]:
    """All files of all nights."""
    files = (
        ("users", "owners", "User", _users),
        ("accounts", "accounts", "Account", _accounts),
        ("leads", "leads", "Lead", _leads),
        ("opportunities", "deals", "Opportunity", _deals),
        ("opportunity_history", "deal_versions", "OpportunityHistory", _history),
        ("tasks", "activities", "Task", _tasks),
    )
    source = world.business.name
    for night in nights(world.business.zone):
        for feed, entity, name, table in files:
            if name not in _BIG or night.day in _BIG_NIGHTS:
                path = f"{source}/{night.day}/{name}.csv.gz"
                yield Extract(source, feed, entity, night.day, path, _DIALECT, table(world, night))


def _ids(prefix: str, rng: random.Random, count: int) -> Iterator[str]:
    number = rng.randrange(62**4, 62**5)
    for _ in range(count):
        number += rng.choice((1, 1, 1, 1, 2, 3))
        yield salesforce_id(prefix, number)


def _time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _day(day: date | None) -> str:
    return f"{day} 00:00:00" if day else ""


def _flag(is_so: bool) -> str:
    return "1" if is_so else "0"


def _money(amount: Decimal | None) -> str:
    return f"{float(amount)}" if amount is not None else ""


def _lookup(record: Owner | Account | Deal | None) -> str:
    return record.id if record else NO_LOOKUP


def _contact(account: Account | None) -> str:
    """The one contact an account has in this export."""
    return "003" + account.id[3:] if account else NO_LOOKUP


def _gone(deal: Deal | None, day: date) -> bool:
    return deal is not None and not deal.is_exported(day)


def _users(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Id": owner.id,
            "Username": f"{owner.email}.prod",
            "LastName": owner.last_name,
            "FirstName": owner.first_name,
            "Name": owner.name,
            "Email": owner.email,
            "Alias": owner.email[:8],
            "IsActive": owner.written("is_active", _flag(owner.is_active), night.day),
            "UserType": "Standard",
            "TimeZoneSidKey": "Europe/Berlin",
        }
        for owner in world.owners
    )


def _accounts(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Id": account.id,
            "IsDeleted": "0",
            "MasterRecordId": NO_LOOKUP,
            "Name": account.name,
            "Type": "Prospect",
            "ParentId": NO_LOOKUP,
            "BillingCity": account.city,
            "Industry": account.segment or "",
            "OwnerId": account.owner.id,
            "CreatedDate": _time(account.created_at),
        }
        for account in world.accounts
        if account.created_at < night.now
    )


def _leads(world: World, night: Night) -> Table:
    return Table.of(_lead(lead, night) for lead in world.leads if lead.created_at < night.now)


def _lead(lead: Lead, night: Night) -> dict[str, str]:
    converted_at = lead.converted_at if lead.converted_at and lead.converted_at < night.now else None
    deal = lead.converted_to if converted_at else None
    account = deal.account if deal else None
    return {
        "Id": lead.id,
        "IsDeleted": _flag(lead.is_deleted),
        "MasterRecordId": NO_LOOKUP,
        "LastName": lead.last_name,
        "FirstName": lead.first_name,
        "Company": lead.company,
        "Email": lead.email,
        "LeadSource": lead.source or "",
        "Status": lead.status_at(night.now),
        "OwnerId": _lookup(lead.owner),
        "IsConverted": lead.written("is_converted", _flag(converted_at is not None), night.day),
        "ConvertedDate": _day(converted_at.date()) if converted_at else "",
        "ConvertedAccountId": _lookup(account),
        "ConvertedContactId": _contact(account),
        "ConvertedOpportunityId": _lookup(deal),
        "CreatedDate": lead.written("created_at", _time(lead.created_at), night.day),
    }


def _deals(world: World, night: Night) -> Table:
    shown = [deal for deal in world.deals if not _gone(deal, night.day)]
    return Table.of(_deal(deal, version, night) for deal in shown if (version := deal.at(night.now)))


def _deal(deal: Deal, version: Version, night: Night) -> dict[str, str]:
    deleted_at = deal.flagged_deleted_at
    is_deleted = deleted_at is not None and deleted_at < night.now
    return {
        "Id": deal.id,
        "IsDeleted": _flag(is_deleted),
        "AccountId": _lookup(deal.account),
        "RecordTypeId": NO_LOOKUP,
        "Name": deal.name,
        "StageName": deal.written("stage", _stage(version), night.day),
        "Amount": deal.written("amount", _money(version.amount), night.day),
        "Probability": str(_probability(deal, version)),
        "CloseDate": deal.written("close_on", _day(version.close_on), night.day),
        "NextStep": deal.note,
        "LeadSource": deal.source or "",
        "IsClosed": _flag(version.status != "open"),
        "IsWon": _flag(version.status == "won"),
        "ForecastCategoryName": _forecast(version),
        "CurrencyIsoCode": deal.currency or NO_CURRENCY,
        "OwnerId": _lookup(version.owner),
        "CreatedDate": _time(deal.created_at),
        "LastModifiedDate": _time(deleted_at if is_deleted else version.at),
        "Loss_Reason__c": version.lost_reason or "",
    }


def _stage(version: Version) -> str:
    return _CLOSED_STAGES.get(version.status, version.stage)


def _forecast(version: Version) -> str:
    return {"won": "Closed", "lost": "Omitted"}.get(version.status, "Pipeline")


def _probability(deal: Deal, version: Version) -> int:
    if version.status != "open":
        return 100 if version.status == "won" else 0
    stage = deal.pipeline.stage(version.stage)
    return _PROBABILITY[stage.canonical] if stage else 80


def _numbered_history(deals: Sequence[Deal]) -> list[tuple[str, Deal, Version]]:
    """One entry per version in which stage, amount or close date differ from the one before, with its id."""
    entries: list[tuple[Deal, Version]] = []
    for deal in deals:
        before = None
        for version in deal.versions:
            told = (_stage(version), version.amount, version.close_on)
            if told != before:
                entries.append((deal, version))
            before = told
    entries.sort(key=lambda entry: entry[1].at)
    return [(salesforce_id("008", 62**4 * 3 + place), *entry) for place, entry in enumerate(entries)]


def _history(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Id": version_id,
            "OpportunityId": deal.id,
            "CreatedById": _lookup(version.owner),
            "CreatedDate": _time(version.at),
            "StageName": _stage(version),
            "Amount": _money(version.amount),
            "CloseDate": _day(version.close_on),
            "Probability": str(_probability(deal, version)),
            "ForecastCategory": _forecast(version),
            "CurrencyIsoCode": deal.currency or NO_CURRENCY,
            "IsDeleted": "0",
        }
        for version_id, deal, version in _numbered_history(world.deals)
        if version.at < night.now and not _gone(deal, night.day)
    )


def _tasks(world: World, night: Night) -> Table:
    return Table.of(
        _task(activity, night)
        for activity in world.activities
        if activity.created_at < night.now and not _gone(activity.deal, night.day)
    )


def _task(activity: Activity, night: Night) -> dict[str, str]:
    is_done = activity.is_done_at(night.now)
    completed_at = activity.done_at if is_done and not activity.done_without_time else None
    account = activity.deal.account if activity.deal else activity.account
    what = activity.deal or activity.account
    return {
        "Id": activity.id,
        "IsDeleted": "0",
        "WhoId": activity.lead.id if activity.lead else activity.stray_lead_id or _contact(account),
        "WhatId": what.id if what else activity.stray_deal_id or NO_LOOKUP,
        "Subject": activity.subject_at(night.now),
        "ActivityDate": activity.written("due_at", _day(activity.due_on), night.day),
        "Status": "Completed" if is_done else "Not Started",
        "Priority": "Normal",
        "OwnerId": _lookup(activity.owner),
        "AccountId": _lookup(account),
        "IsClosed": activity.written("is_done", _flag(is_done), night.day),
        "CreatedDate": _time(activity.created_at),
        "CallType": activity.direction if activity.type == "call" else "",
        "TaskSubtype": activity.type.capitalize(),
        "CompletedDateTime": activity.written("completed_at", _time(completed_at), night.day),
    }
