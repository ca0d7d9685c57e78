"""cascade_hubspot: list exports of HubSpot's UI, all of them full extracts, and the owners as its API gives them.

Every cell quoted, times in Lisbon without seconds, the history of a deal in one column per stage.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from seeds.make_extracts.business import Account, Activity, Business, Deal, Lead, Owner, Record, Version, World
from seeds.make_extracts.clock import AS_OF_DAY, DELIVERY_DAYS, NEWEST, berlin_day
from seeds.make_extracts.delivery import Dialect, Extract, Night, Table, nights
from seeds.make_extracts.money import costs, invoiced
from seeds.make_extracts.words import ascii_slug

LISBON = ZoneInfo("Europe/Lisbon")
_DIALECT = Dialect(quote_all=True)
_CLOSED_STAGES = {
    "Sales Pipeline": {"won": "Closed Won", "lost": "Closed Lost"},
    "Renewals — EMEA": {"won": "Renewed", "lost": "Cancelled"},
}
#: Stages the portal has though no pipeline of the configuration does.
_UNCONFIGURED = {"Sales Pipeline": ("Security Review",)}
_PROBABILITY = {"contact": "0.2", "qualifying": "0.4", "demo": "0.6", "proposal": "0.8", "closing": "0.9"}
#: Kinds that cannot be planned: who wants to call, notes down a task.
_NEVER_PLANNED = ("call", "email", "note")
#: The big lists are exported every other night.
_BIG = {"contacts", "calls", "emails", "meetings", "notes", "tasks"}
_BIG_NIGHTS = (DELIVERY_DAYS[0], DELIVERY_DAYS[2])


def give_ids(world: World, rng: random.Random) -> None:
    """Twelve digits in the order of creation, with gaps; all activities count on together."""
    for activity in world.activities:
        if activity.type in _NEVER_PLANNED and (activity.done_at is None or activity.created_at < activity.done_at):
            activity.type = "task"
            activity.direction = "Outbound"
    for records in (world.accounts, world.leads, world.deals, world.activities):
        records.sort(key=lambda record: record.created_at)
    numbered: tuple[tuple[int, Sequence[Record]], ...] = (
        (170204118330, world.accounts),
        (240771902055, world.leads),
        (310448230917, world.deals),
        (512006644081, world.activities),
    )
    for number, records_of_kind in numbered:
        for record in records_of_kind:
            record.id = str(number)
            number += rng.choice((1, 2, 5, 13, 41, 266))
    for place, owner in enumerate(world.owners):
        owner.id = str(41205530 + 1117 * place)


def extracts(world: World) -> Iterator[Extract]:
    """All files of all nights."""
    files = (
        ("deals", "deals", _deals),
        ("contacts", "leads", _contacts),
        ("companies", "accounts", _companies),
        ("calls", "activities", _calls),
        ("emails", "activities", _emails),
        ("meetings", "activities", _meetings),
        ("notes", "activities", _notes),
        ("tasks", "activities", _tasks),
    )
    source = world.business.name
    for night in nights(world.business.zone):
        path = f"{source}/owners-{night.day}.csv"
        yield Extract(source, "owners", "owners", night.day, path, Dialect(), _owners(world, night))
        path = f"{source}/finance-revenue-{night.day}.csv.gz"
        yield Extract(source, "revenue", "revenue", night.day, path, Dialect(), _revenue(world, night))
        path = f"{source}/finance-marketing-{night.day}.csv"
        yield Extract(source, "spend", "spend", night.day, path, Dialect(), _spend(world, night))
        for feed, entity, table in files:
            if feed not in _BIG or night.day in _BIG_NIGHTS:
                path = f"{source}/hubspot-crm-exports-all-{feed}-{night.day}.csv.gz"
                yield Extract(source, feed, entity, night.day, path, _DIALECT, table(world, night))


def _time(moment: datetime | None) -> str:
    return moment.astimezone(LISBON).strftime("%Y-%m-%d %H:%M") if moment else ""


def _day(day: date | None) -> str:
    """A day that somebody picked from a calendar, at the hour the picker adds."""
    return f"{day} 17:00" if day else ""


def _flag(is_so: bool) -> str:
    return str(is_so).lower()


def _money(amount: Decimal | None) -> str:
    return f"{float(amount)}" if amount is not None else ""


def _name(owner: Owner | None) -> str:
    return owner.name if owner else ""


def _id(record: Account | None) -> str:
    return record.id if record else ""


def _ids(records: Iterable[Record]) -> str:
    return ";".join(record.id for record in records)


def _contacts_of(deal: Deal) -> list[Lead]:
    return [deal.lead, *deal.more_leads] if deal.lead else []


def _is_shown(deal: Deal, night: Night) -> bool:
    """A merged deal is gone with the merge, one that is deleted with the next export."""
    is_merged = deal.merged_at is not None and deal.merged_at < night.now
    return deal.created_at < night.now and not is_merged and deal.is_exported(night.day)


def _owners(world: World, night: Night) -> Table:
    return Table.of(
        {
            "id": owner.id,
            "email": owner.email,
            "firstName": owner.first_name,
            "lastName": owner.last_name,
            "userId": str(int(owner.id) - 29000000),
            "archived": _flag(not owner.is_active),
            **({"type": "PERSON"} if night.day == NEWEST else {}),  # the API tells more since its last release
        }
        for owner in world.owners
    )


def _companies(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Record ID": account.id,
            "Company name": account.name,
            "Company Domain Name": f"{ascii_slug(account.name)}.example",
            "Company owner": account.owner.name,
            "Industry": account.segment or "",
            "City": account.city,
            "Create Date": _time(account.created_at),
        }
        for account in world.accounts
        if account.created_at < night.now
    )


def _contacts(world: World, night: Night) -> Table:
    deals: dict[int, list[Deal]] = defaultdict(list)
    for deal in world.deals:
        if _is_shown(deal, night):
            for lead in _contacts_of(deal):
                deals[id(lead)].append(deal)
    return Table.of(_contact(lead, deals[id(lead)], night) for lead in world.leads if lead.created_at < night.now)


def _contact(lead: Lead, deals: list[Deal], night: Night) -> dict[str, str]:
    status = lead.status_at(night.now)
    return {
        "Record ID": lead.id,
        "First Name": lead.first_name,
        "Last Name": lead.last_name,
        "Email": lead.email,
        "Contact owner": _name(lead.owner),
        "Lead Status": status,
        "Lifecycle Stage": "Opportunity" if deals else "Lead",
        "Create Date": lead.written("created_at", _time(lead.created_at), night.day),
        "Original Traffic Source": lead.source or "",
        "Company Name": lead.company,
        "First Deal Created Date": _time(min((deal.created_at for deal in deals), default=None)),
        "Associated Deal IDs": _ids(deals),
        "Associated Deal": ";".join(deal.name for deal in deals),
    }


def _deals(world: World, night: Night) -> Table:
    merged: dict[int, list[Deal]] = defaultdict(list)
    for deal in world.deals:
        if deal.merged_into and deal.merged_at and deal.merged_at < night.now:
            merged[id(deal.merged_into)].append(deal)
    return Table.of(
        _deal(world.business, deal, version, merged[id(deal)], night)
        for deal in world.deals
        if _is_shown(deal, night) and (version := deal.at(night.now))
    )


def _deal(business: Business, deal: Deal, version: Version, merged: list[Deal], night: Night) -> dict[str, str]:
    entered = _entered(deal, night)
    return {
        "Record ID": deal.id,
        "Deal Name": deal.name,
        "Pipeline": deal.pipeline.name,
        "Deal Stage": _stage(deal, version),
        "Amount": deal.written("amount", _money(version.amount), night.day),
        "Currency": deal.currency,
        "Deal owner": _name(version.owner),
        "Create Date": _time(deal.created_at),
        "Close Date": deal.written("close_on", _close_date(deal, version, night), night.day),
        "Is Closed Won": _flag(version.status == "won"),
        "Is Deal Closed?": _flag(version.status != "open"),
        "Closed Lost Reason": version.lost_reason or "",
        "Original Traffic Source": deal.source or "",
        "Deal probability": _probability(deal, version),
        "Deal description": deal.note,
        "Last Modified Date": _time(version.at),
        **{
            f'Date entered "{stage} ({pipeline})"': _time(entered.get((pipeline, stage)))
            for pipeline, stage in _stages(business)
        },
        "Date entered current stage": _time(max(entered.values())),
        "Merged object IDs": _ids(merged),
        "Associated Contact IDs": _ids(_contacts_of(deal)),
        "Associated Company IDs": _id(deal.account),
        "Associated Company IDs (Primary)": _id(deal.account),
    }


def _stage(deal: Deal, version: Version) -> str:
    return _CLOSED_STAGES[deal.pipeline.name].get(version.status, version.stage)


def _stages(business: Business) -> list[tuple[str, str]]:
    """(pipeline, stage) of every stage the portal has."""
    return [
        (pipeline.name, stage)
        for pipeline in business.pipelines
        for stage in (
            *(stage.name for stage in pipeline.stages),
            *_UNCONFIGURED.get(pipeline.name, ()),
            *_CLOSED_STAGES[pipeline.name].values(),
        )
    ]


def _entered(deal: Deal, night: Night) -> dict[tuple[str, str], datetime]:
    """When each stage was entered, the last time where it was several times: more HubSpot does not keep."""
    entered: dict[tuple[str, str], datetime] = {}
    before = None
    for version in deal.versions:
        stage = _stage(deal, version)
        if version.at < night.now and stage != before:
            configured = deal.pipeline.stage(stage)
            entered[deal.pipeline.name, configured.name if configured else stage] = version.at
        before = stage
    return entered


def _close_date(deal: Deal, version: Version, night: Night) -> str:
    """Set to the moment of closing by the CRM, unless somebody has picked another day."""
    closed_at = deal.last_close_before(night.now)
    if closed_at and version.close_on == berlin_day(closed_at):
        return _time(closed_at)
    return _day(version.close_on)


def _probability(deal: Deal, version: Version) -> str:
    if version.status != "open":
        return "1.0" if version.status == "won" else "0.0"
    stage = deal.pipeline.stage(version.stage)
    return _PROBABILITY[stage.canonical] if stage else "0.7"


def _done_or_planned(world: World, night: Night, kind: str) -> Iterator[Activity]:
    return (activity for activity in world.activities if activity.type == kind and activity.created_at < night.now)


def _links(activity: Activity) -> dict[str, str]:
    """What an activity is associated with: a deal's contacts and company with it."""
    deal = activity.deal
    account = deal.account if deal else activity.account
    contacts = [activity.lead] if activity.lead else _contacts_of(deal) if deal else []
    return {
        "Associated Deal IDs": deal.id if deal else activity.stray_deal_id,
        "Associated Contact IDs": _ids(contacts) or activity.stray_lead_id,
        "Associated Company IDs": _id(account),
    }


def _happened(activity: Activity, night: Night) -> str:
    return activity.written("completed_at", _time(activity.done_at), night.day)


def _calls(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Record ID": call.id,
            "Call Title": call.subject_at(night.now),
            "Activity date": _happened(call, night),
            "Call direction": call.direction.upper(),
            "Call status": "COMPLETED",
            "Activity assigned to": _name(call.owner),
            "Create Date": _time(call.created_at),
            **_links(call),
        }
        for call in _done_or_planned(world, night, "call")
    )


def _emails(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Record ID": email.id,
            "Email subject": email.subject_at(night.now),
            "Activity date": _happened(email, night),
            "Email Direction": "EMAIL" if email.direction == "Outbound" else "INCOMING_EMAIL",
            "Email send status": "SENT" if email.direction == "Outbound" else "",
            "Activity assigned to": _name(email.owner),
            "Create Date": _time(email.created_at),
            **_links(email),
        }
        for email in _done_or_planned(world, night, "email")
    )


def _meetings(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Record ID": meeting.id,
            "Meeting name": meeting.subject_at(night.now),
            "Meeting start time": meeting.written("due_at", _time(meeting.done_at) or _day(meeting.due_on), night.day),
            "Meeting outcome": _outcome(meeting, night),
            "Activity assigned to": _name(meeting.owner),
            "Create Date": _time(meeting.created_at),
            **_links(meeting),
        }
        for meeting in _done_or_planned(world, night, "meeting")
    )


def _outcome(meeting: Activity, night: Night) -> str:
    if meeting.is_done_at(night.now):
        return "Completed"
    return "Scheduled" if meeting.done_at or (meeting.due_on and meeting.due_on >= AS_OF_DAY) else "No show"


def _notes(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Record ID": note.id,
            "Note body": note.subject_at(night.now),
            "Activity date": _happened(note, night),
            "Activity assigned to": _name(note.owner),
            "Create Date": _time(note.created_at),
            **_links(note),
        }
        for note in _done_or_planned(world, night, "note")
    )


def _tasks(world: World, night: Night) -> Table:
    return Table.of(_task(task, night) for task in _done_or_planned(world, night, "task"))


def _task(task: Activity, night: Night) -> dict[str, str]:
    is_done = task.is_done_at(night.now)
    completed_at = task.done_at if is_done and not task.done_without_time else None
    return {
        "Record ID": task.id,
        "Task Title": task.subject_at(night.now),
        "Due date": task.written("due_at", _day(task.due_on), night.day),
        "Task status": task.written("is_done", "COMPLETED" if is_done else "NOT_STARTED", night.day),
        "Completion date": task.written("completed_at", _time(completed_at), night.day),
        "Task type": "TODO",
        "Assigned to": _name(task.owner),
        "Create Date": _time(task.created_at),
        **_links(task),
    }


def _revenue(world: World, night: Night) -> Table:
    """What the finance system exports: a service period, of one day where nothing lasts."""
    return Table.of(
        {
            "company_id": line.account.id,
            "invoice_line": line.number,
            "service_start": str(line.on),
            "service_end": str(line.until or line.on),
            "net_amount": _money(line.amount),
            "currency": line.currency,
        }
        for line in invoiced(world)
        if line.on < night.day
    )


def _spend(world: World, night: Night) -> Table:
    """Marketing costs as booked on the first of their month; events were for one pipeline."""
    return Table.of(
        {
            "booked_on": str(cost.month),
            "amount": _money(cost.amount),
            "currency": cost.currency,
            "channel": cost.channel,
            "pipeline": "Sales Pipeline" if cost.channel == "Trade Show" else "",
            "booked_by": _name(cost.owner),
            "campaign": f"{cost.channel or 'Agency'} {cost.month:%b %Y}",
        }
        for cost in costs(world)
        if cost.month < night.day
    )
