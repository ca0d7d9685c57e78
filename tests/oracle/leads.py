"""Leads: when created, whether converted, when first answered (domain.md, metrics 1, 7 and 12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .activities import Contacts, activities_by, activity_times, completed_at, is_response, last_completed
from .configuration import folded
from .crm import Crm
from .fields import published, texts_of
from .merges import ids_in
from .records import Record
from .values import boolean


@dataclass
class Lead:
    """A lead that is not deleted."""

    key: str
    id: str
    source: str
    owner_key: str | None
    lead_source: str | None
    status: str | None
    created_at: datetime
    created_at_is_estimated: bool
    created_on: date
    is_converted: bool
    has_closed_status: bool
    first_response_at: datetime | None
    sla_hours: float
    as_of: datetime
    #: Whether its source tells of activities at all.
    is_watched: bool
    lead_name: str | None = None
    company: str | None = None
    email: str | None = None
    converted_at: datetime | None = None
    converted_deal_key: str | None = None
    last_activity_at: datetime | None = None
    #: The fields that the configuration adds, as published.
    fields: str | None = None

    @property
    def is_closed(self) -> bool:
        """Converted, or in a closed status."""
        return self.is_converted or self.has_closed_status

    @property
    def response_hours(self) -> float | None:
        """Hours from creation to the first response; estimated creations take no part."""
        if self.first_response_at is None or self.created_at_is_estimated:
            return None
        return (self.first_response_at - self.created_at) / timedelta(hours=1)

    @property
    def is_unanswered(self) -> bool | None:
        """No response by as-of and older than the SLA; estimated creations take no part; None: nobody can know."""
        if not self.is_watched:
            return None
        if self.first_response_at is not None or self.created_at_is_estimated:
            return False
        return (self.as_of - self.created_at) / timedelta(hours=1) > self.sla_hours


def leads_of(crm: Crm) -> dict[str, Lead]:
    """The leads of a source by id; those that left an inbox as converted or closed are still there."""
    on_lead = activities_by(crm, "lead_id", crm.merged_leads, contacts_of(crm))
    deals = linked_deals(crm)
    return {
        record.id: _lead(crm, record, on_lead.get(record.id, []), deals.get(record.id, set()))
        for record in crm.leads.values()
        if (not record.is_deleted or has_left(record)) and record.id not in crm.merged_leads.merged_at
    }


def has_left(lead: Record) -> bool:
    """Whether a lead is gone from an inbox that it leaves by becoming a deal, or by being closed."""
    return lead.is_deleted and lead.feed.when_gone == "converted" and not boolean(lead.row.get("is_deleted"))


def contacts_of(crm: Crm) -> Contacts:
    """The contacts that converted leads became → these leads, the earliest first."""
    contacts: Contacts = defaultdict(list)
    deals = linked_deals(crm)
    for lead in sorted(
        crm.leads.values(), key=lambda one: (one.moment("created_at") or one.first_delivered_at, one.id)
    ):
        if _is_converted(crm, lead, deals.get(lead.id, set())):
            for contact in ids_in(lead.row.get("contact_id"), lead.feed):
                contacts[contact].append(crm.merged_leads.survivor(lead.id))
    return dict(contacts)


def linked_deals(crm: Crm) -> dict[str, set[str]]:
    """Lead id → ids of the known deals that name it, or that it names as what it was converted into.

    What a merged record names, its survivor names; what names a merged record, names its survivor.
    """
    deals: dict[str, set[str]] = defaultdict(set)
    known = set(crm.deal_ids())
    for deal_id in known:
        for lead_id in _named_leads(crm, deal_id):
            deals[lead_id].add(crm.merged_deals.survivor(deal_id))
    for record in crm.leads.values():
        deals[crm.merged_leads.survivor(record.id)].update(known.intersection(converted_deals(crm, record)))
        if has_left(record):
            deals[record.id].update(_became(crm, record))
    return dict(deals)


def _became(crm: Crm, lead: Record) -> list[str]:
    """Of a lead that left its inbox: the earliest deal since then that names it, its person or its organisation."""
    since = []
    for deal in crm.deals.values():
        created_at = deal.moment("created_at") or deal.first_delivered_at
        names = lead.id in ids_in(deal.row.get("lead_id"), deal.feed) or any(
            set(ids_in(deal.row.get(column), deal.feed)) & set(ids_in(lead.row.get(column), lead.feed))
            for column in ("contact_id", "account_id")
        )
        if names and created_at >= lead.extracted_at and not crm.is_deleted_deal(deal.id):
            since.append((created_at, deal.id))
    return [min(since)[1]] if since else []


def converted_deals(crm: Crm, lead: Record) -> list[str]:
    """The deals a lead's row names as what it was converted into."""
    return crm.merged_deals.survivors(lead.row.get("converted_deal_id"), lead.feed)


def _named_leads(crm: Crm, deal_id: str) -> list[str]:
    """The leads a deal names; only its row can hold several."""
    if deal_id in crm.deals:
        record = crm.deals[deal_id]
        return crm.merged_leads.survivors(record.row.get("lead_id"), record.feed)
    lead_id = crm.deal_value(deal_id, "lead_id")
    return [crm.merged_leads.survivor(lead_id)] if lead_id else []


def _lead(crm: Crm, record: Record, activities: list[Record], deal_ids: set[str]) -> Lead:
    given = record.moment("created_at")
    created_at = given or _estimated(crm, record, activities)
    owner = record.row.get("owner_id")
    return Lead(
        key=crm.key(record.id),
        id=record.id,
        source=crm.source.name,
        fields=published(texts_of(crm, "leads", record.row, record.dates), crm.config.fields_of("leads")),
        owner_key=crm.key(owner) if owner else None,
        lead_source=record.row.get("lead_source"),
        status=record.row.get("status"),
        created_at=created_at,
        created_at_is_estimated=given is None,
        created_on=crm.local_date(created_at),
        is_converted=_is_converted(crm, record, deal_ids),
        has_closed_status=_is_one_of(record.feed.closed_lead_statuses, record) or has_left(record),
        first_response_at=_first_response(crm, activities, created_at),
        sla_hours=crm.config.sla_hours,
        as_of=crm.as_of,
        is_watched=crm.delivers("activities.activity_id"),
        lead_name=record.row.get("lead_name"),
        company=record.row.get("company"),
        email=record.row.get("email"),
        converted_at=record.moment("converted_at"),
        converted_deal_key=_converted_deal(crm, record, deal_ids),
        last_activity_at=last_completed(crm, activities),
    )


def _converted_deal(crm: Crm, record: Record, deal_ids: set[str]) -> str | None:
    """The one the lead names, else the earliest that names it and is not deleted."""
    named = converted_deals(crm, record)
    living = [one for one in deal_ids if not crm.is_deleted_deal(one)]
    known = [one for one in named if one in deal_ids] or sorted(living, key=lambda one: (_created(crm, one), one))
    became = next(iter(known or named), None)
    return crm.key(became) if became else None


def _created(crm: Crm, deal_id: str) -> datetime:
    deal = crm.deals.get(deal_id)
    return (deal.moment("created_at") or deal.first_delivered_at) if deal else crm.as_of


def _estimated(crm: Crm, record: Record, activities: list[Record]) -> datetime:
    """The earliest of its activities, its conversion and its first delivery."""
    converted = record.moment("converted_at")
    times = [record.first_delivered_at, *activity_times(crm, activities)]
    return min([*times, converted] if converted else times)


def _is_converted(crm: Crm, record: Record, deal_ids: set[str]) -> bool:
    """The CRM's flag where it delivers one, else its status; or a linked deal that is not deleted."""
    flag = boolean(record.row.get("is_converted"))
    says = _is_one_of(record.feed.converted_lead_statuses, record) if flag is None else flag
    return says or any(not crm.is_deleted_deal(deal_id) for deal_id in deal_ids)


def _is_one_of(statuses: Container[str], record: Record) -> bool:
    status = record.row.get("status")
    return status is not None and folded(status) in statuses


def _first_response(crm: Crm, activities: list[Record], created_at: datetime) -> datetime | None:
    """The first completed outbound activity of a response type, at or after creation and by as-of."""
    times = (completed_at(crm, record) for record in activities if is_response(record))
    return min((time for time in times if time and created_at <= time <= crm.as_of), default=None)
