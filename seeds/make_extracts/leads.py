"""Where deals come from: people who ask, how soon they hear from somebody, and what becomes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from seeds.make_extracts.activity_log import done
from seeds.make_extracts.business import Activity, Business, Deal, Lead, Owner
from seeds.make_extracts.clock import (
    FIRST_DAY,
    any_moment,
    berlin_day,
    busy_days,
    office_hours,
    working_moment,
)
from seeds.make_extracts.words import (
    COMPANY_FORMS,
    LEAD_NOTES,
    LEAD_SOURCES,
    SUBJECTS,
    EmailBook,
    company,
    person,
    weighted,
)

#: Over Christmas somebody looks into the inbox now and then.
LONGEST_SILENCE = timedelta(hours=64)


def lead_of(rng: random.Random, business: Business, deal: Deal, owner: Owner, book: EmailBook) -> Lead | None:
    """The lead that became this deal when the deal was created; None if it would lie before the first day."""
    asked_at = any_moment(rng, berlin_day(deal.created_at) - timedelta(days=rng.randrange(2, 35)))
    if berlin_day(asked_at) < FIRST_DAY:
        return None
    name = deal.account.name if deal.account else company(rng, COMPANY_FORMS[business.name])
    lead = _lead(rng, business, asked_at, name, owner, book)
    lead.converted_at = deal.created_at
    lead.converted_to = deal
    return lead


def other_leads(
    rng: random.Random,
    business: Business,
    owners: list[Owner],
    count: int,
    last_moment: datetime,
    book: EmailBook,
) -> Iterator[Lead]:
    """Leads that became no deal."""
    for day in busy_days(rng, count, berlin_day(last_moment)):
        # Who left in summer gets no new ones; a few wait for somebody to take them.
        owner = None if rng.random() < 0.01 else rng.choice(owners if day < date(2025, 7, 1) else owners[:-1])
        name = company(rng, COMPANY_FORMS[business.name])
        yield _lead(rng, business, any_moment(rng, day), name, owner, book)


def follow(rng: random.Random, business: Business, lead: Lead, horizon: datetime) -> list[Activity]:
    """Gives a lead its statuses in time, and returns what was done about it up to the horizon."""
    _, working, converted, rejected = business.lead_statuses
    activities = list(_answers(rng, business, lead, min(lead.converted_at or horizon, horizon)))
    if activities:
        first = min(activity.done_at for activity in activities if activity.done_at)
        lead.statuses.append((first, working))
    if lead.converted_at:
        lead.statuses.append((lead.converted_at, converted))
    else:
        day = berlin_day(lead.created_at) + timedelta(days=rng.randrange(4, 60))
        lead.statuses.append((working_moment(rng, day), rejected))
    lead.statuses.sort(key=lambda since: since[0])
    return activities


def _lead(
    rng: random.Random,
    business: Business,
    asked_at: datetime,
    name: str,
    owner: Owner | None,
    book: EmailBook,
) -> Lead:
    first_name, last_name = person(rng)
    return Lead(
        first_name=first_name,
        last_name=last_name,
        company=name,
        email=book.address(first_name, last_name, name),
        source=None if rng.random() < 0.03 else weighted(rng, LEAD_SOURCES),
        owner=owner,
        created_at=asked_at,
        statuses=[(asked_at, business.lead_statuses[0])],
        note=rng.choice(LEAD_NOTES),
    )


def _answers(rng: random.Random, business: Business, lead: Lead, end: datetime) -> Iterator[Activity]:
    """One in a hundred or so is never answered, the others within hours, or after the weekend; some are asked again."""
    if rng.random() < 0.008:
        return
    moment = lead.created_at + timedelta(hours=rng.expovariate(1 / 5))
    for place in range(rng.choices((1, 2, 3), (0.62, 0.28, 0.1))[0]):
        done_at = office_hours(rng, moment)
        if place == 0 and done_at - lead.created_at > LONGEST_SILENCE:
            done_at = lead.created_at + LONGEST_SILENCE * rng.uniform(0.5, 1)
        if done_at >= end and place == 0 and lead.converted_at == end:
            done_at = max(lead.created_at, end - timedelta(minutes=rng.randrange(20, 300)))  # the deal came at once
        if done_at >= end:
            return
        activity = done(rng, business, done_at, owner=lead.owner, lead=lead)
        if place == 0 and "visit" not in business.activity_types:
            _answer(rng, activity)
        yield activity
        moment = done_at + timedelta(days=rng.uniform(1, 12))


def _answer(rng: random.Random, activity: Activity) -> None:
    """Makes of it what the lead hears of at that moment: no note, no task, nothing the lead did."""
    activity.direction, activity.done_without_time = "Outbound", False
    if activity.type not in ("call", "email", "meeting"):
        activity.type = rng.choice(("call", "email"))
        activity.subject = rng.choice(SUBJECTS[activity.type])
