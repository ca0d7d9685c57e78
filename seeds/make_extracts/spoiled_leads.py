"""What is wrong with leads, and with what was done about them: forgotten, entered twice, done in the future."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

from seeds.make_extracts.activity_log import done
from seeds.make_extracts.business import Lead, World
from seeds.make_extracts.cases import FS, HS, PD, SF
from seeds.make_extracts.clock import berlin_moment, days_before_as_of
from seeds.make_extracts.planted import Planted

#: Days since anything was heard of a lead that is still open; more than 90 are too many.
FORGOTTEN_DAYS = {SF: (91, 143, 90), PD: (91, 122, 168, 90), HS: (104, 90), FS: (97, 131, 90)}
#: Leads of somebody who has left, that nobody took over.
LEFT_BEHIND = {SF: 2, PD: 3, HS: 1, FS: 1}
#: People who asked twice. Pipedrive's and the sheet's leads have no address to tell by, or are looked through by hand.
ENTERED_TWICE = {SF: 2, HS: 2, FS: 1}
#: Marked as converted, and the deal was never made.
WITHOUT_DEAL = {SF: 2, PD: 1, FS: 2}
#: Calls and visits that were ticked off before they took place.
DONE_IN_FUTURE = {PD: "2026-02-17 10:00:00", FS: "17.02.2026 10:00"}


def spoil_leads(world: World, planted: Planted, rng: random.Random) -> None:
    """All of it. The leads taken are plain ones: closed without a deal, and nothing else is wrong with them."""
    source = world.business.name
    leads = _plain_leads(world, rng)
    for days in FORGOTTEN_DAYS[source]:
        lead = next(leads)
        _forget(world, lead, days, rng)
        if days > 90:
            planted.record("dead_lead", source, lead)
    for _ in range(LEFT_BEHIND[source]):
        lead = _recent(world, rng)
        lead.owner = world.owners[-1]
        planted.record("inactive_owner", source, lead)
    for _ in range(ENTERED_TWICE.get(source, 0)):
        pair = sorted((next(leads), next(leads)), key=lambda lead: lead.created_at)
        first, second = pair
        second.first_name, second.last_name, second.company = first.first_name, first.last_name, first.company
        second.email = first.email.upper()
        planted.record("duplicate_lead", source, second)
    for _ in range(WITHOUT_DEAL.get(source, 0)):
        lead = next(leads)
        lead.converted_at = lead.statuses[-1][0]
        lead.statuses[-1] = (lead.converted_at, world.business.lead_statuses[2])
        planted.record("converted_without_deal", source, lead)
    if source in DONE_IN_FUTURE:
        lead = next(leads)
        activity = done(rng, world.business, lead.statuses[-1][0], owner=lead.owner, lead=lead)
        activity.done_without_time = False
        activity.spoiled = {"completed_at": DONE_IN_FUTURE[source]}
        world.activities.append(activity)
        planted.record("future_activity_done", source, activity)


def _plain_leads(world: World, rng: random.Random) -> Iterator[Lead]:
    """In no order, each once."""
    closed = world.business.lead_statuses[3]
    horizon = berlin_moment(days_before_as_of(20), "12:00:00")
    answered = {id(activity.lead) for activity in world.activities if activity.done_at}
    plain = [
        lead
        for lead in world.leads
        if lead.converted_at is None and not lead.spoiled
        if lead.statuses[-1][0] < horizon and lead.statuses[-1][1] == closed
        if lead.owner is not None and lead.owner.is_active and id(lead) in answered
    ]
    rng.shuffle(plain)
    return iter(plain)


def _forget(world: World, lead: Lead, days: int, rng: random.Random) -> None:
    """It came and was answered that day, so many days ago, and nobody looked at it again."""
    asked_at = berlin_moment(days_before_as_of(days), "09:12:00")
    world.activities[:] = [activity for activity in world.activities if activity.lead is not lead]
    lead.created_at = asked_at
    new, working, *_ = world.business.lead_statuses
    lead.statuses = [(asked_at, new), (asked_at + timedelta(hours=2), working)]
    answer = done(rng, world.business, asked_at + timedelta(hours=2), owner=lead.owner, lead=lead)
    answer.direction, answer.done_without_time = "Outbound", False
    answer.created_at = answer.done_at or answer.created_at
    if answer.type in ("task", "note"):
        answer.type, answer.subject = "call", "Call back"
    world.activities.append(answer)


def _recent(world: World, rng: random.Random) -> Lead:
    """An open lead of the last weeks, with somebody who works."""
    moment = berlin_moment(days_before_as_of(4), "12:00:00")
    start = berlin_moment(days_before_as_of(45), "12:00:00")
    open_statuses = world.business.lead_statuses[:2]
    return rng.choice(
        [
            lead
            for lead in world.leads
            if start < lead.created_at < moment
            if lead.status_at(moment + timedelta(days=3)) in open_statuses and lead.owner is not None
            if lead.owner.is_active and lead.converted_at is None and not lead.spoiled
        ]
    )
