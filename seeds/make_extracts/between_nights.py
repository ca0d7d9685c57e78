"""What happens between the three nights, so that their full extracts have something to tell by themselves."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

from seeds.make_extracts.business import Deal, Version, World, changed
from seeds.make_extracts.clock import AS_OF_DAY, DELIVERY_DAYS, berlin_day, berlin_moment, extract_time
from seeds.make_extracts.leads import follow, lead_of
from seeds.make_extracts.lives import PROPOSAL
from seeds.make_extracts.words import LOSS_REASONS

#: A deal with the version it stands in, and what becomes of it; None if this cannot happen to it.
Turn = Callable[[random.Random, World, Deal, Version], dict[str, object] | None]

_TURNS_EACH = 2


def live_on(world: World, rng: random.Random) -> None:
    """Two deals each move on, move back, change amount, owner or expected close, are lost, and come back.

    Three are missing in the second night's extract, one of them moving meanwhile. Only deals that rest are taken,
    and what was to become of them later no longer does.
    """
    resting = [deal for deal in world.deals if _rests(world, deal)]
    rng.shuffle(resting)
    turns = (_forward, _back, _dearer, _cheaper, _handed_over, _put_off, _pulled_in, _lost, _reopened)
    place = 0
    for turn in turns:
        for deal, change in _some(rng, world, resting, turn):
            day = DELIVERY_DAYS[place % 2]
            place += 1
            at = berlin_moment(day, f"{9 + place % 8:02d}:{place % 60:02d}:{place * 7 % 60:02d}")
            if world.business.one_close_date and change.get("status") == "lost":
                change["close_on"] = berlin_day(at)
            deal.versions = [version for version in deal.versions if version.at < at]
            deal.versions.append(changed(deal.versions[-1], at, change))
            if turn is _back and place % _TURNS_EACH == 0:
                deal.away_on = DELIVERY_DAYS[1]
    for deal in [resting.pop() for _ in range(2)]:
        deal.away_on = DELIVERY_DAYS[1]


def meet_again(world: World, rng: random.Random) -> None:
    """Several people ask for one deal, and somebody who bought comes back with another one."""
    deals = [deal for deal in world.deals if deal.lead]
    for deal in rng.sample(deals, len(deals) // 6):
        lead = lead_of(rng, world.business, deal, rng.choice(world.owners[:-1]), world.emails)
        if lead:
            deal.more_leads.append(lead)
            world.leads.append(lead)
            world.activities += follow(rng, world.business, lead, _horizon(world))
    again = [deal for deal in world.deals if deal.lead is None and deal.account]
    for deal in again[::4]:
        before = [d for d in deals if d.account is deal.account and d.created_at < deal.created_at]
        if before:
            deal.lead = before[0].lead


def _horizon(world: World) -> datetime:
    return extract_time(DELIVERY_DAYS[-1], world.business.zone) - timedelta(hours=4)


def _rests(world: World, deal: Deal) -> bool:
    """Nothing happens to it in the days of the deliveries."""
    start, end = berlin_moment(date(2025, 12, 24), "00:00:00"), _horizon(world) + timedelta(hours=4)
    return deal.created_at < start and not any(start <= version.at < end for version in deal.versions)


def _some(
    rng: random.Random, world: World, resting: list[Deal], turn: Turn
) -> Iterator[tuple[Deal, dict[str, object]]]:
    """The first deals to which this can happen; they rest no longer."""
    found = 0
    for deal in list(resting):
        version = deal.at(_horizon(world))
        change = turn(rng, world, deal, version) if version else None
        if change is not None:
            resting.remove(deal)
            found += 1
            yield deal, change
        if found == _TURNS_EACH:
            return
    raise ValueError(f"{world.business.name}: not enough deals for {turn.__name__}")


def _place(deal: Deal, version: Version) -> int | None:
    names = [stage.name for stage in deal.pipeline.stages]
    return names.index(version.stage) if version.status == "open" and version.stage in names else None


def _forward(_rng: random.Random, _world: World, deal: Deal, version: Version) -> dict[str, object] | None:
    place = _place(deal, version)
    if place is None or place + 1 == len(deal.pipeline.stages) or version.amount is None or version.close_on is None:
        return None
    return {"stage": deal.pipeline.stages[place + 1].name}


def _back(_rng: random.Random, _world: World, deal: Deal, version: Version) -> dict[str, object] | None:
    place = _place(deal, version)
    return {"stage": deal.pipeline.stages[place - 1].name} if place else None


def _dearer(_rng: random.Random, _world: World, _deal: Deal, version: Version) -> dict[str, object] | None:
    return {"amount": version.amount + 1250} if version.status == "open" and version.amount else None


def _cheaper(_rng: random.Random, _world: World, _deal: Deal, version: Version) -> dict[str, object] | None:
    if version.status != "open" or version.amount is None or version.amount <= 900:
        return None
    return {"amount": version.amount - 400}


def _handed_over(rng: random.Random, world: World, _deal: Deal, version: Version) -> dict[str, object] | None:
    others = [owner for owner in world.owners[:-1] if owner is not version.owner]
    return {"owner": rng.choice(others)} if version.status == "open" else None


def _put_off(rng: random.Random, _world: World, _deal: Deal, version: Version) -> dict[str, object] | None:
    if version.status != "open" or version.close_on is None:
        return None
    return {"close_on": version.close_on + timedelta(days=rng.randrange(14, 40))}


def _pulled_in(_rng: random.Random, _world: World, _deal: Deal, version: Version) -> dict[str, object] | None:
    if version.status != "open" or version.close_on is None or version.close_on < AS_OF_DAY + timedelta(days=12):
        return None
    return {"close_on": version.close_on - timedelta(days=9)}


def _lost(rng: random.Random, _world: World, _deal: Deal, version: Version) -> dict[str, object] | None:
    return {"status": "lost", "lost_reason": rng.choice(LOSS_REASONS)} if version.status == "open" else None


def _reopened(_rng: random.Random, _world: World, deal: Deal, version: Version) -> dict[str, object] | None:
    stage = deal.pipeline.stage(version.stage)
    needs_amount = stage is not None and stage.rank >= PROPOSAL
    if version.status != "lost" or (needs_amount and version.amount is None):
        return None
    return {"status": "open", "lost_reason": None, "close_on": AS_OF_DAY + timedelta(days=45)}
