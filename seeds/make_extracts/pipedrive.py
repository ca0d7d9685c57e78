"""boreal_pipedrive: list exports of Pipedrive's UI, tables of its API, and an API-like log of changes.

Times are Helsinki's without offset; those of the log are UTC, as in all of the API. The log and the activities are
incremental, all else is full.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from seeds.make_extracts.business import Activity, Deal, Owner, Record, Version, World
from seeds.make_extracts.clock import DELIVERY_DAYS
from seeds.make_extracts.delivery import Dialect, Extract, Night, Table, nights

HELSINKI = ZoneInfo("Europe/Helsinki")
_COMPANY = 2968486
#: Stages of which the API knows though no pipeline of the configuration does.
_UNCONFIGURED = {"Partners": ("Legal Check",)}
_UUID_NODES = (0xF1E4C3A0B287, 0x5B2D90C4E1A6)
#: The log's exporter goes back this many rows into the delivery before.
_OVERLAP_ROWS = 6
#: Nobody clicks through the long export of the leads on the second night.
_LEAD_NIGHTS = (DELIVERY_DAYS[0], DELIVERY_DAYS[2])


def give_ids(world: World, rng: random.Random) -> None:
    """Whole numbers in the order of creation, with gaps; leads have UUIDs made of their time."""
    for records in (world.accounts, world.leads, world.deals, world.activities):
        records.sort(key=lambda record: record.created_at)
    numbered: tuple[tuple[int, Sequence[Record]], ...] = (
        (301, world.accounts),
        (1001, world.deals),
        (20417, world.activities),
    )
    for number, records_of_kind in numbered:
        for record in records_of_kind:
            record.id = str(number)
            number += rng.choice((1, 1, 1, 1, 1, 2))
    for place, owner in enumerate(world.owners):
        owner.id = str(14811203 + 37 * place)
    for lead in world.leads:
        lead.id = str(_time_uuid(rng, lead.created_at))


def extracts(world: World) -> Iterator[Extract]:
    """All files of all nights."""
    files = (
        ("users", "owners", "users.csv", _users),
        ("stages", "stages", "stages.csv", _stages),
        ("organizations", "accounts", f"organizations-{_COMPANY}-5.csv", _organizations),
        ("leads", "leads", f"leads-{_COMPANY}-6.csv.gz", _leads),
        ("deals", "deals", f"deals-{_COMPANY}-7.csv.gz", _deals),
        ("deal_changes", "deal_changes", "deal_changes.csv.gz", _changes),
        ("activities", "activities", f"activities-{_COMPANY}-8.csv.gz", _activities),
    )
    source = world.business.name
    for night in nights(HELSINKI):
        for feed, entity, name, table in files:
            if feed != "leads" or night.day in _LEAD_NIGHTS:
                path = f"{source}/{night.day}/{name}"
                yield Extract(source, feed, entity, night.day, path, Dialect(), table(world, night))


def _time_uuid(rng: random.Random, moment: datetime) -> uuid.UUID:
    """A version 1 UUID of that second."""
    ticks = int(moment.timestamp()) * 10**7 + rng.randrange(10**7) + 0x01B21DD213814000
    low, middle, high = ticks & 0xFFFFFFFF, (ticks >> 32) & 0xFFFF, (ticks >> 48) & 0x0FFF
    return uuid.UUID(fields=(low, middle, high | 0x1000, 0x87, 0x9B, rng.choice(_UUID_NODES)))


def _time(moment: datetime | None) -> str:
    return moment.astimezone(HELSINKI).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _api_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _day(day: date | None) -> str:
    return str(day) if day else ""


def _money(amount: Decimal | None) -> str:
    return f"{amount.normalize():f}" if amount is not None else ""


def _name(owner: Owner | None) -> str:
    return owner.name if owner else ""


def _stage_ids(world: World) -> dict[tuple[str, str], str]:
    """(pipeline, stage) → the API's id."""
    pairs = [
        (pipeline.name, stage)
        for pipeline in world.business.pipelines
        for stage in (*(stage.name for stage in pipeline.stages), *_UNCONFIGURED.get(pipeline.name, ()))
    ]
    return {pair: str(place) for place, pair in enumerate(pairs, start=1)}


def _users(world: World, night: Night) -> Table:
    return Table.of(
        {
            "id": owner.id,
            "name": owner.name,
            "email": owner.email,
            "lang": "1",
            "locale": "fi_FI",
            "active_flag": owner.written("is_active", str(owner.is_active).lower(), night.day),
            "is_admin": "0",
        }
        for owner in world.owners
    )


def _stages(world: World, _: Night) -> Table:
    pipelines = [pipeline.name for pipeline in world.business.pipelines]
    return Table.of(
        {
            "id": stage_id,
            "order_nr": stage_id,
            "name": stage,
            "pipeline_id": str(pipelines.index(pipeline) + 1),
            "pipeline_name": pipeline,
            "active_flag": "true",
        }
        for (pipeline, stage), stage_id in _stage_ids(world).items()
    )


def _organizations(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Organization - ID": account.id,
            "Organization - Name": account.name,
            "Organization - Label(s)": account.segment or "",
            "Organization - Owner": account.owner.name,
            "Organization - City/town/village/locality of Address": account.city,
            "Organization - Organization created": _time(account.created_at),
        }
        for account in world.accounts
        if account.created_at < night.now
    )


def _leads(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Lead - ID": lead.id,
            "Lead - Title": f"{lead.company} lead",
            "Lead - Owner": _name(lead.owner),
            "Lead - Contact person": f"{lead.first_name} {lead.last_name}",
            "Lead - Source channel": lead.source or "",
            "Lead - Labels": "",
            "Lead - Status": lead.status_at(night.now),
            "Lead - Lead created": lead.written("created_at", _time(lead.created_at), night.day),
        }
        for lead in world.leads
        if lead.created_at < night.now
    )


def _deals(world: World, night: Night) -> Table:
    shown = [deal for deal in world.deals if deal.is_exported(night.day)]
    return Table.of(_deal(deal, version, night) for deal in shown if (version := deal.at(night.now)))


def _deal(deal: Deal, version: Version, night: Night) -> dict[str, str]:
    closed_at = deal.last_close_before(night.now)
    if closed_at and deal.backdated_to:
        closed_at = deal.backdated_to
    return {
        "Deal - ID": deal.id,
        "Deal - Title": deal.name,
        "Deal - Owner": _name(version.owner),
        "Deal - Organization": deal.account.name if deal.account else "",
        "Deal - Organization ID": deal.account.id if deal.account else "",
        "Deal - Pipeline": deal.pipeline.name,
        "Deal - Stage": version.stage,
        "Deal - Status": version.status.capitalize(),
        "Deal - Value": deal.written("amount", _money(version.amount), night.day),
        "Deal - Currency of Value": deal.currency,
        "Deal - Lead ID": deal.lead.id if deal.lead else "",
        "Deal - Source channel": deal.source or "",
        "Deal - Label": deal.note,
        "Deal - Deal created": _time(deal.created_at),
        "Deal - Update time": _time(version.at),
        "Deal - Expected close date": deal.written("expected_close_on", _day(version.close_on), night.day),
        "Deal - Deal closed on": _time(closed_at),
        "Deal - Won time": _time(closed_at) if version.status == "won" else "",
        "Deal - Lost time": _time(closed_at) if version.status == "lost" else "",
        "Deal - Lost reason": version.lost_reason or "",
    }


def _log(deals: Iterable[Deal], stages: dict[tuple[str, str], str]) -> Iterator[tuple[datetime, list[str]]]:
    """(moment, row) of every change of a field, by time; a creation sets all it knows at once."""
    entries: list[tuple[datetime, list[str]]] = []
    for deal in deals:
        first = deal.versions[0]
        entries.append((first.at, [deal.id, "add_time", "", _api_time(first.at), _api_time(first.at)]))
        before = dict.fromkeys(_logged(deal, first, stages), "")
        for version in deal.versions:
            after = _logged(deal, version, stages)
            entries += [
                (version.at, [deal.id, key, before[key], value, _api_time(version.at)])
                for key, value in after.items()
                if value != before[key] and not (key == "status" and version is first)
            ]
            before = after
    yield from sorted(entries, key=lambda entry: entry[0])


def _logged(deal: Deal, version: Version, stages: dict[tuple[str, str], str]) -> dict[str, str]:
    """The fields the log follows, in the order in which it writes simultaneous changes."""
    return {
        "stage_id": stages[deal.pipeline.name, version.stage],
        "user_id": version.owner.id if version.owner else "",
        "value": _money(version.amount),
        "expected_close_date": _day(version.close_on),
        "status": version.status,
        "lost_reason": version.lost_reason or "",
    }


def _changes(world: World, night: Night) -> Table:
    log = list(_log(world.deals, _stage_ids(world)))
    previous = night.previous
    start = 0 if previous is None else sum(at < previous for at, _ in log) - _OVERLAP_ROWS
    end = sum(at < night.now for at, _ in log)
    headings = ["deal_id", "changed_field_key", "old_value", "new_value", "log_time"]
    return Table(headings, [list(row) for _, row in log[max(start, 0) : end]])


def _activities(world: World, night: Night) -> Table:
    return Table.of(
        _activity(activity, night)
        for activity in world.activities
        if activity.changed_between(night.previous, night.now)
    )


def _activity(activity: Activity, night: Night) -> dict[str, str]:
    is_done = activity.is_done_at(night.now)
    completed_at = activity.done_at if is_done and not activity.done_without_time else None
    account = activity.deal.account if activity.deal else activity.account
    return {
        "Activity - ID": activity.id,
        "Activity - Type": activity.type,
        "Activity - Subject": activity.subject_at(night.now),
        "Activity - Done": activity.written("is_done", "Done" if is_done else "To do", night.day),
        "Activity - Due date": activity.written("due_at", _day(activity.due_on), night.day),
        "Activity - Due time": "",
        "Activity - Deal ID": activity.deal.id if activity.deal else activity.stray_deal_id,
        "Activity - Lead ID": activity.lead.id if activity.lead else activity.stray_lead_id,
        "Activity - Organization ID": account.id if account else "",
        "Activity - Assigned to user": _name(activity.owner),
        "Activity - Priority": "",
        "Activity - Add time": activity.written("created_at", _time(activity.created_at), night.day),
        "Activity - Marked as done time": activity.written("completed_at", _time(completed_at), night.day),
    }
