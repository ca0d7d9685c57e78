"""Activities: what they point at, and when they were completed (domain.md, History, Time and money, metric 12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from datetime import datetime
from typing import Any

from .configuration import folded
from .crm import Crm
from .fields import published, texts_of
from .merges import Merges, ids_in
from .records import Record
from .values import boolean

#: Direction → the words for it.
DIRECTIONS = {"inbound": {"inbound", "incoming"}, "outbound": {"outbound", "outgoing"}}
#: What a type of activity is called → the CRMs' words for it.
SPELLINGS = {
    "call": "call, calls, phone call, phonecall, phone, telephone, anruf, telefonat, appel, llamada, звонок",
    "email": "email, emails, e-mail, e-mails, mail, courriel, correo, correo electrónico, письмо",
    "meeting": "meeting, meetings, appointment, event, termin, besprechung, réunion, rendez-vous, reunión, встреча",
    "task": "task, tasks, to-do, todo, to do, aufgabe, tâche, tarea, задача",
    "note": "note, notes, notiz, nota, заметка",
}
#: Of a converted lead: the contact it became → the leads.
Contacts = dict[str, list[str]]


def activities_by(crm: Crm, column: str, merges: Merges, contacts: Contacts | None = None) -> dict[str, list[Record]]:
    """The activities that are not deleted, by each record they point at, or what it was merged into."""
    activities: dict[str, list[Record]] = defaultdict(list)
    for record in crm.activities.values():
        for pointed in [] if record.is_deleted else pointed_at(record, column, merges, contacts or {}):
            activities[pointed].append(record)
    return dict(activities)


def pointed_at(record: Record, column: str, merges: Merges, contacts: Contacts) -> list[str]:
    """The records that an activity's cell names.

    A lead stays named, though a CRM moves the activity to what the lead became: the contact, the deal.
    """
    named = merges.survivors(record.row.get(column), record.feed)
    if column != "lead_id":
        return named
    if not named:
        earlier = [one for one in record.sightings if one.row.get(column)]
        named = merges.survivors(earlier[-1].row.get(column), earlier[-1].feed) if earlier else []
    of_contacts = [lead for one in ids_in(record.row.get("contact_id"), record.feed) for lead in contacts.get(one, [])]
    return list(dict.fromkeys([*named, *of_contacts]))


def activity_rows(crm: Crm, leads: Container[str], contacts: Contacts) -> list[dict[str, Any]]:
    """`fct_activities`: of several ids in a cell the first that is known, else the first."""
    deals = set(crm.deal_ids())
    rows = []
    for record in crm.activities.values():
        if record.is_deleted:
            continue
        row, done_at = record.row, completed_at(crm, record)
        owner = row.get("owner_id")
        lead_ids = pointed_at(record, "lead_id", crm.merged_leads, contacts)
        rows.append(
            {
                "activity_key": crm.key(record.id),
                "source": crm.source.name,
                "activity_id": record.id,
                "activity_type": one_spelling(row.get("activity_type")),
                "crm_activity_type": row.get("activity_type"),
                "direction": direction_of(row.get("direction")),
                "deal_key": _first_known(crm, crm.merged_deals.survivors(row.get("deal_id"), record.feed), deals),
                "lead_key": _first_known(crm, lead_ids, leads),
                "account_key": _first_known(crm, ids_in(row.get("account_id"), record.feed), crm.standing_accounts),
                "owner_key": crm.key(owner) if owner else None,
                "due_at": record.moment("due_at"),
                "completed_at": done_at,
                "is_done": done_at is not None,
                "is_outbound_response": is_response(record),
                "fields": published(texts_of(crm, "activities", row, record.dates), crm.config.fields_of("activities")),
            }
        )
    return rows


def one_spelling(word: str | None) -> str | None:
    """A type of activity as every CRM's is called, else the CRM's own word."""
    return next((one for one, words in SPELLINGS.items() if word and word.lower() in words.split(", ")), word)


def bridge_rows(crm: Crm, leads: Container[str], contacts: Contacts) -> list[dict[str, Any]]:
    """`bridge_activity_records`: an activity's own keys, and every other record that it names."""
    own = {row["activity_key"]: row for row in activity_rows(crm, leads, contacts)}
    rows: list[dict[str, Any]] = []
    for record in crm.activities.values():
        if record.is_deleted:
            continue
        row = own[crm.key(record.id)]
        deal_ids = crm.merged_deals.survivors(record.row.get("deal_id"), record.feed)
        lead_ids = pointed_at(record, "lead_id", crm.merged_leads, contacts)
        named = {
            "deals": [row["deal_key"], *map(crm.key, deal_ids)],
            "leads": [row["lead_key"], *map(crm.key, lead_ids)],
            "accounts": [row["account_key"]],
        }
        rows += [
            {"activity_key": row["activity_key"], "source": row["source"], "entity": entity, "record_key": key}
            for entity, keys in named.items()
            for key in dict.fromkeys(keys)
            if key is not None
        ]
    return rows


def direction_of(text: str | None) -> str | None:
    """`inbound` or `outbound`; a word for neither is none."""
    word = folded(text) if text else ""
    return next((direction for direction, words in DIRECTIONS.items() if word in words), None)


def is_response(record: Record) -> bool:
    """Of a type that answers leads, and not inbound."""
    kind = record.row.get("activity_type")
    is_inbound = direction_of(record.row.get("direction")) == "inbound"
    return kind is not None and folded(kind) in record.feed.response_types and not is_inbound


def completed_at(crm: Crm, record: Record) -> datetime | None:
    """When an activity was completed; done without a time: when due, at most when first shown done."""
    is_done = boolean(record.row.get("is_done"))
    completed, due = record.moment("completed_at"), record.moment("due_at")
    due_is_day = record.dates.is_day(record.row.get("due_at"))
    if is_done is None and completed is None and record.feed.done_when_past:
        if due is None or due > crm.as_of:
            return None
        return _of_day(crm, record, "due_at", crm.as_of) if due_is_day else due
    if is_done is False or (is_done is None and completed is None):
        return None
    if completed:
        text = record.row.get("completed_at")
        shown = record.first_shown(lambda row: row.get("completed_at") == text)
        # a day after the extract is not known to be over: it stays what was written
        return _of_day(crm, record, "completed_at", shown) if record.dates.is_day(text) else completed
    first_shown = record.first_shown(lambda row: bool(boolean(row.get("is_done"))))
    if due is None:
        return first_shown
    return _of_day(crm, record, "due_at", first_shown) if due_is_day else min(due, first_shown)


def _of_day(crm: Crm, record: Record, column: str, latest: datetime) -> datetime:
    """Known by day: when it was created, if on that day, else the day's last second, at most the extract time."""
    day, created = record.dates.day(record.row[column]), record.moment("created_at")
    if created and not record.dates.is_day(record.row.get("created_at")) and crm.local_date(created) == day:
        return created
    moment = record.moment(column)
    if moment and moment > latest and column == "completed_at":
        return moment
    return min(record.dates.last_second(str(record.row[column])), latest)


def activity_times(crm: Crm, activities: list[Record]) -> list[datetime]:
    """The moments at which activities show that what they point at existed."""
    times = [
        time
        for record in activities
        for time in (record.moment("created_at"), record.moment("due_at"), completed_at(crm, record))
    ]
    return [time for time in times if time]


def last_completed(crm: Crm, activities: list[Record]) -> datetime | None:
    """The latest completion by as-of."""
    times = (completed_at(crm, record) for record in activities)
    return max((time for time in times if time and time <= crm.as_of), default=None)


def next_due(crm: Crm, activities: list[Record]) -> datetime | None:
    """The earliest undone activity that is due on the as-of day or later."""
    undone = (record.moment("due_at") for record in activities if completed_at(crm, record) is None)
    today = crm.local_date(crm.as_of)
    return min((due for due in undone if due and crm.local_date(due) >= today), default=None)


def _first_known(crm: Crm, ids: list[str], known: Container[str]) -> str | None:
    found = next((one for one in ids if one in known), ids[0] if ids else None)
    return crm.key(found) if found else None
