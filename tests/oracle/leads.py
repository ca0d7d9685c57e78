"""Leads: when created, whether converted, when first answered (domain.md, metrics 1, 7 and 12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from .configuration import folded
from .crm import Crm
from .merges import Merges
from .records import Record
from .values import boolean

INBOUND = {"inbound", "incoming"}


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
    def is_unanswered(self) -> bool:
        """No response by as-of and older than the SLA; estimated creations take no part."""
        if self.first_response_at is not None or self.created_at_is_estimated:
            return False
        return (self.as_of - self.created_at) / timedelta(hours=1) > self.sla_hours


def leads_of(crm: Crm) -> dict[str, Lead]:
    """The leads of a source by id."""
    on_lead = activities_by(crm, "lead_id", crm.merged_leads)
    deals = linked_deals(crm)
    return {
        record.id: _lead(crm, record, on_lead.get(record.id, []), deals.get(record.id, set()))
        for record in crm.leads.values()
        if not record.is_deleted and record.id not in crm.merged_leads.merged_at
    }


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
    return dict(deals)


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


def activities_by(crm: Crm, column: str, merges: Merges) -> dict[str, list[Record]]:
    """The activities that are not deleted, by each record they point at, or what it was merged into."""
    activities: dict[str, list[Record]] = defaultdict(list)
    for record in crm.activities.values():
        for pointed in [] if record.is_deleted else merges.survivors(record.row.get(column), record.feed):
            activities[pointed].append(record)
    return dict(activities)


def activity_rows(crm: Crm, leads: dict[str, Lead]) -> list[dict[str, Any]]:
    """`fct_activities`: of several ids in a cell the first that is known, else the first."""
    deals = set(crm.deal_ids())
    rows = []
    for record in crm.activities.values():
        deal_ids = crm.merged_deals.survivors(record.row.get("deal_id"), record.feed)
        lead_ids = crm.merged_leads.survivors(record.row.get("lead_id"), record.feed)
        rows.append(
            {
                "activity_key": crm.key(record.id),
                "deal_key": _first_known(crm, deal_ids, deals),
                "lead_key": _first_known(crm, lead_ids, leads),
                "completed_at": completed_at(record),
                "is_deleted": record.is_deleted,
            }
        )
    return [row for row in rows if not row.pop("is_deleted")]


def _first_known(crm: Crm, ids: list[str], known: Container[str]) -> str | None:
    found = next((one for one in ids if one in known), ids[0] if ids else None)
    return crm.key(found) if found else None


def completed_at(record: Record) -> datetime | None:
    """When an activity was completed; done without a time: when due, at most when first shown done."""
    is_done = boolean(record.row.get("is_done"))
    completed = record.moment("completed_at")
    if is_done is False or (is_done is None and completed is None):
        return None
    if completed:
        return completed
    first_shown = record.first_shown(lambda row: bool(boolean(row.get("is_done"))))
    due = record.moment("due_at")
    return min(due, first_shown) if due else first_shown


def activity_times(activities: list[Record]) -> list[datetime]:
    """The moments at which activities show that what they point at existed."""
    times = [
        time
        for record in activities
        for time in (record.moment("created_at"), record.moment("due_at"), completed_at(record))
    ]
    return [time for time in times if time]


def _lead(crm: Crm, record: Record, activities: list[Record], deal_ids: set[str]) -> Lead:
    given = record.moment("created_at")
    created_at = given or _estimated(record, activities)
    owner = record.row.get("owner_id")
    return Lead(
        key=crm.key(record.id),
        id=record.id,
        source=crm.source.name,
        owner_key=crm.key(owner) if owner else None,
        lead_source=record.row.get("lead_source"),
        status=record.row.get("status"),
        created_at=created_at,
        created_at_is_estimated=given is None,
        created_on=crm.local_date(created_at),
        is_converted=_is_converted(record) or any(not crm.is_deleted_deal(deal_id) for deal_id in deal_ids),
        has_closed_status=_is_one_of(record.feed.closed_lead_statuses, record),
        first_response_at=_first_response(crm, activities, created_at),
        sla_hours=crm.config.sla_hours,
        as_of=crm.as_of,
    )


def _estimated(record: Record, activities: list[Record]) -> datetime:
    """The earliest of its activities, its conversion and its first delivery."""
    converted = record.moment("converted_at")
    times = [record.first_delivered_at, *activity_times(activities)]
    return min([*times, converted] if converted else times)


def _is_converted(record: Record) -> bool:
    """The CRM's flag where it delivers one, else its status."""
    flag = boolean(record.row.get("is_converted"))
    if flag is not None:
        return flag
    return _is_one_of(record.feed.converted_lead_statuses, record)


def _is_one_of(statuses: Container[str], record: Record) -> bool:
    status = record.row.get("status")
    return status is not None and folded(status) in statuses


def _first_response(crm: Crm, activities: list[Record], created_at: datetime) -> datetime | None:
    """The first completed outbound activity of a response type, at or after creation and by as-of."""
    times = (completed_at(record) for record in activities if _is_response(record))
    return min((time for time in times if time and created_at <= time <= crm.as_of), default=None)


def _is_response(record: Record) -> bool:
    kind, direction = record.row.get("activity_type"), record.row.get("direction")
    is_inbound = direction is not None and folded(direction) in INBOUND
    return kind is not None and folded(kind) in record.feed.response_types and not is_inbound
