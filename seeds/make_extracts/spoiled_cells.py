"""What is wrong, or odd, with single records: unreadable cells, activities that belong to nothing, names."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from seeds.make_extracts.activity_log import done
from seeds.make_extracts.business import Activity, Lead, World
from seeds.make_extracts.cases import ALL_CASES, FS, HS, PD, SF
from seeds.make_extracts.clock import (
    AS_OF_DAY,
    NEWEST,
    berlin_day,
    berlin_moment,
    days_before_as_of,
    working_moment,
)
from seeds.make_extracts.crafting import absorbed, ask_after, craft, entered_again, gone_in_newest
from seeds.make_extracts.planted import Planted


@dataclass(frozen=True)
class Spoil:
    """A cell of some lead or activity: its canonical column, and what stands there until it is corrected."""

    source: str
    column: str
    text: str
    until: date | None = None
    kind: str | None = None  # of an activity, where the kinds' files differ


LEAD_CELLS = [
    Spoil(SF, "created_at", "0000-00-00 00:00:00"),
    Spoil(SF, "is_converted", "unknown"),
    Spoil(SF, "created_at", "tbd", until=NEWEST),
    Spoil(PD, "created_at", "last week"),
    Spoil(FS, "created_at", "??"),
    Spoil(FS, "created_at", "32.10.2025 09:15"),
    Spoil(FS, "created_at", "gestern", until=NEWEST),
    Spoil(HS, "created_at", "not known"),
    Spoil(HS, "created_at", "unknown", until=NEWEST),
]
ACTIVITY_CELLS = [
    Spoil(SF, "due_at", "soon"),
    Spoil(SF, "is_done", "maybe"),
    Spoil(SF, "completed_at", "yesterday"),
    Spoil(PD, "due_at", "31.02.2025"),
    Spoil(PD, "is_done", "perhaps"),
    Spoil(PD, "created_at", "gestern"),
    Spoil(PD, "due_at", "asap", until=date(2025, 12, 30)),
    Spoil(FS, "completed_at", "Mittwoch"),
    Spoil(FS, "completed_at", "29.02.2025"),
    Spoil(HS, "due_at", "asap", kind="task"),
    Spoil(HS, "is_done", "perhaps", kind="task"),
    Spoil(HS, "completed_at", "2025-02-31 10:00", kind="note"),
    Spoil(HS, "due_at", "tomorrow", until=NEWEST, kind="meeting"),
]
OWNER_CELLS = {SF: "maybe", FS: "vielleicht"}

#: Ids of the right form that no record has: (deal, lead); neither: nothing at all.
STRAYS = {
    SF: [
        ("0065g00000ZZtopAAK", ""),
        ("", "00Q5g00000ZZleaAAC"),
        ("", ""),
        ("5005g000004Case2AAE", "0035g00000ZZconAAK"),
    ],
    PD: [("990001", ""), ("990002", ""), ("", "11111111-0e10-11f0-879b-05d71fb426ec"), ("", "")],
    FS: [("F-9001", ""), ("F-9002", ""), ("", "L-99001"), ("", "")],
    HS: [("319999000001", ""), ("319999000001;319999000002", ""), ("", "249999000001;249999000002"), ("", "")],
}


def add_cases(world: World, planted: Planted, rng: random.Random) -> None:
    """Adds the deals made to measure, and says which rules they break."""
    source = world.business.name
    for case in (case for case in ALL_CASES if case.source == source):
        owner = rng.choice(world.owners[:-1])
        deal, activities = craft(rng, world, case, owner)
        world.deals.append(deal)
        world.activities += activities
        for merged, more in absorbed(rng, world, case, deal, owner):
            world.deals.append(merged)
            world.activities += more
        if case.rules and gone_in_newest(case):
            raise ValueError(f"{source}: '{case.why}' is deleted and can break no rule")
        if case.is_twice:
            deal = entered_again(deal)
            world.deals.append(deal)
        if case.asked_after:
            ask_after(world, deal)
        for rule in case.rules:
            planted.record(rule, source, deal)
        if case.spoiled_until is None:
            for column in case.spoiled:
                planted.cell(source, deal, column)


def spoil_cells(world: World, planted: Planted, rng: random.Random) -> None:
    """Cells of leads, activities and owners that cannot be read."""
    source = world.business.name
    for spoil in (spoil for spoil in LEAD_CELLS if spoil.source == source):
        _spoil(_plain_lead(world, rng), spoil, planted)
    for spoil in (spoil for spoil in ACTIVITY_CELLS if spoil.source == source):
        activity = _lead_activity(world, rng, is_done=spoil.column in ("completed_at", "created_at"))
        activity.type = spoil.kind or activity.type
        _spoil(activity, spoil, planted)
    if source in OWNER_CELLS:
        world.owners[0].spoiled["is_active"] = OWNER_CELLS[source]
        planted.cell(source, world.owners[0], "is_active")


def add_orphans(world: World, planted: Planted, rng: random.Random) -> None:
    """Activities whose deal and lead nobody knows, or that have none."""
    source = world.business.name
    for deal_id, lead_id in STRAYS[source]:
        at = working_moment(rng, days_before_as_of(rng.randrange(10, 400)))
        activity = done(rng, world.business, at, owner=rng.choice(world.owners[:-1]))
        activity.stray_deal_id, activity.stray_lead_id = deal_id, lead_id
        world.activities.append(activity)
        planted.record("orphan_activity", source, activity)


def finish_late(world: World, rng: random.Random) -> None:
    """Some activities change between the nights: planned ones are done, notes are completed."""
    candidates = [
        activity
        for activity in world.activities
        if activity.lead and activity.done_at and not activity.spoiled and activity.done_at.date() < date(2025, 12, 20)
    ]
    for place, activity in enumerate(rng.sample(candidates, 14)):
        activity.edited_at = berlin_moment(date(2025, 12, 29 + place % 2), f"{9 + place % 8:02d}:17:30")
        activity.edit = " (done, see mail)" if place % 3 else ' - "danke",\nmehr im Januar'
    if world.business.name == FS:
        return
    leads = [lead for lead in world.leads if lead.converted_at is None and lead.created_at.date() < date(2025, 12, 20)]
    for place, lead in enumerate(rng.sample(leads, 12)):
        done_at = berlin_moment(date(2025, 12, 29 + place % 2), f"{9 + place % 8:02d}:40:05")
        activity = done(rng, world.business, done_at, owner=lead.owner, lead=lead)
        activity.created_at = done_at - timedelta(days=3)
        activity.done_without_time = False
        world.activities.append(activity)


def add_odd_names(world: World) -> None:
    """Names that look like a formula, like markup, or like nothing at all."""
    world.accounts[-1].name = "<script>alert('account')</script> " + world.accounts[-1].name.rsplit(" ", 1)[1]
    world.accounts[-2].name = '=HYPERLINK("http://account.example","x")'
    world.accounts[-3].name = 'Kraft & Söhne "Nord"'
    for place, (first_name, last_name) in enumerate((("=1+1", "@SUM(A1)"), ("<b>Bo</b>", "O'Neil"), ("李", "小龙"))):
        world.leads[40 + place].first_name, world.leads[40 + place].last_name = first_name, last_name
    world.leads[50].company = 'Bäckerei "Zum Ofen",\nFiliale 2'


def delete_a_lead(world: World) -> None:
    """One lead is flagged as deleted; nothing points to it."""
    busy = {id(activity.lead) for activity in world.activities}
    lead = next(lead for lead in world.leads if id(lead) not in busy and lead.converted_at is None and not lead.spoiled)
    lead.is_deleted = True


def _spoil(record: Lead | Activity, spoil: Spoil, planted: Planted) -> None:
    record.spoiled = {spoil.column: spoil.text}
    record.spoiled_until = spoil.until
    if spoil.until is None:
        planted.cell(spoil.source, record, spoil.column)
    elif isinstance(record, Activity):  # an incremental export brings it again when it is corrected
        record.edited_at = berlin_moment(spoil.until - timedelta(days=1), "14:00:00")


def _plain_lead(world: World, rng: random.Random) -> Lead:
    """A lead that became no deal and is old enough for every delivery."""
    return rng.choice(
        [
            lead
            for lead in world.leads
            if lead.converted_at is None and not lead.spoiled and berlin_day(lead.created_at) < date(2025, 12, 1)
        ]
    )


def _lead_activity(world: World, rng: random.Random, is_done: bool) -> Activity:
    """A new activity on a lead: it touches no deal, whatever can be read of it."""
    lead = _plain_lead(world, rng)
    at = working_moment(rng, days_before_as_of(rng.randrange(10, 24)))
    activity = done(rng, world.business, max(at, lead.created_at), owner=lead.owner, lead=lead)
    activity.done_without_time = False
    if not is_done:
        activity.created_at = activity.done_at or activity.created_at
        activity.done_at = None
        activity.due_on = AS_OF_DAY + timedelta(days=9)
    world.activities.append(activity)
    return activity
