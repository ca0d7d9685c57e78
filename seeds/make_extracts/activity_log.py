"""What people do about a deal: calls, e-mails, meetings, visits, and what they plan to do next."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from seeds.make_extracts.business import Account, Activity, Business, Deal, Lead, Owner, World
from seeds.make_extracts.clock import (
    AS_OF_DAY,
    berlin_day,
    days_before_as_of,
    office_hours,
    working_day_until,
    working_moment,
)
from seeds.make_extracts.lives import last_known_touch
from seeds.make_extracts.words import SUBJECTS, VISIT_NOTES, weighted


def about_deal(rng: random.Random, business: Business, deal: Deal, horizon: datetime) -> list[Activity]:
    """The activities of a deal's life up to the horizon; an open deal is left warm, with margin."""
    is_open = deal.last_close_before(horizon) is None
    activities = list(_along_the_way(rng, business, deal, deal.last_close_before(horizon) or horizon, horizon))
    if is_open:
        activities += _warming(rng, business, deal, activities, horizon)
    return activities


def done(
    rng: random.Random,
    business: Business,
    done_at: datetime,
    *,
    owner: Owner | None,
    deal: Deal | None = None,
    lead: Lead | None = None,
    account: Account | None = None,
    planned: bool = False,
) -> Activity:
    """Something that was done at a moment. Visits are entered up to three hours later."""
    kind = weighted(rng, business.activity_types)
    created_at = done_at
    if _only_visits(business):
        created_at = done_at + timedelta(minutes=rng.randrange(180))
    elif planned:
        created_at = done_at - timedelta(days=rng.randrange(1, 9), seconds=rng.randrange(9000))
    inbound = kind in ("call", "email") and rng.random() < 0.2
    return Activity(
        type=kind,
        subject=_subject(rng, business, kind),
        owner=owner,
        created_at=created_at,
        due_on=berlin_day(done_at),
        done_at=done_at,
        deal=deal,
        lead=lead,
        account=account,
        direction="Inbound" if inbound else "Outbound",
        done_without_time=kind in ("email", "task") and rng.random() < 0.03,
    )


def plan_ahead(rng: random.Random, world: World, horizon: datetime) -> None:
    """Every open deal has something planned, but those of which nobody has thought, and in a business of visits."""
    if _only_visits(world.business):
        return
    planned = {id(a.deal) for a in world.activities if a.done_at is None and a.due_on and a.due_on >= AS_OF_DAY}
    for deal in world.deals:
        if (
            deal.has_next_step
            and deal.merged_into is None
            and id(deal) not in planned
            and deal.last_close_before(horizon) is None
        ):
            world.activities.append(_planned_next(rng, world.business, deal, horizon))


def about_accounts(
    rng: random.Random, business: Business, accounts: list[Account], count: int, horizon: datetime
) -> Iterator[Activity]:
    """Courtesy calls that belong to an account and to no deal."""
    for _ in range(count):
        account = rng.choice(accounts)
        day = berlin_day(horizon) - timedelta(days=rng.randrange(3, 500))
        yield done(rng, business, working_moment(rng, day), owner=account.owner, account=account)


def _only_visits(business: Business) -> bool:
    return "visit" in business.activity_types


def _subject(rng: random.Random, business: Business, kind: str) -> str:
    return rng.choice(VISIT_NOTES if _only_visits(business) else SUBJECTS[kind])


def _along_the_way(
    rng: random.Random, business: Business, deal: Deal, end: datetime, horizon: datetime
) -> Iterator[Activity]:
    moment = deal.created_at
    while True:
        moment += timedelta(days=min(max(rng.expovariate(1 / business.days_between_activities), 0.3), 30))
        done_at = office_hours(rng, moment)
        if moment >= end or done_at >= min(horizon, end):
            return
        version = deal.at(done_at)
        owner = version.owner if version else None
        planned = rng.random() < 0.5 and done_at - deal.created_at > timedelta(days=10)
        activity = done(rng, business, done_at, owner=owner, deal=deal, planned=planned)
        if planned and not _only_visits(business) and rng.random() < 0.06:
            activity.done_at = None  # never done
        yield activity


def _warming(
    rng: random.Random, business: Business, deal: Deal, activities: list[Activity], horizon: datetime
) -> Iterator[Activity]:
    """One more activity where the last touch comes within three days of the stage's limit."""
    version = deal.at(horizon)
    if version is None:
        return
    stage = deal.pipeline.stage(version.stage)
    limit = stage.stale_after if stage else 14
    touched_at = last_known_touch(deal, horizon) if business.tells_history else deal.created_at
    touches = [touched_at, *(a.done_at for a in activities if a.done_at)]
    if (AS_OF_DAY - berlin_day(max(touches))).days <= limit - 3:
        return
    day = working_day_until(days_before_as_of(rng.randrange(2, min(limit - 3, 12))))
    done_at = working_moment(rng, day)
    if done_at > deal.created_at:
        yield done(rng, business, done_at, owner=version.owner, deal=deal)


def _planned_next(rng: random.Random, business: Business, deal: Deal, horizon: datetime) -> Activity:
    version = deal.at(horizon)
    owner = version.owner if version else None
    made_on = working_day_until(days_before_as_of(rng.randrange(2, 12)))
    activity = done(rng, business, max(working_moment(rng, made_on), deal.created_at), owner=owner, deal=deal)
    activity.created_at = activity.done_at or activity.created_at
    activity.done_at = None
    activity.due_on = AS_OF_DAY + timedelta(days=rng.randrange(1, 20))
    activity.done_without_time = False
    return activity
