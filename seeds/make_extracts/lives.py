"""How a deal lives: the stages it goes through, what it is worth, when it should close, and how it ends."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from seeds.make_extracts.business import Business, Deal, Owner, Pipeline, Stage, Version, changed
from seeds.make_extracts.clock import berlin_day, working_moment
from seeds.make_extracts.words import LOSS_REASONS

WIN_RATE = 0.31
DEMO, PROPOSAL, CLOSING = 3, 4, 5  # ranks of canonical stages

Change = tuple[datetime, dict[str, object]]


def live(
    rng: random.Random,
    business: Business,
    pipeline: Pipeline,
    created_at: datetime,
    owners: tuple[Owner | None, Owner],
) -> list[Version]:
    """All versions of a new deal to its end, however late that may be.

    `owners`: who starts it and who takes over, if anybody does.
    """
    wins = rng.random() < WIN_RATE
    days = min(max(rng.lognormvariate(3.85, 0.5), 15), 125) * (1.0 if wins else 0.9)
    path = _path(rng, pipeline, wins)
    closed_at = working_moment(rng, berlin_day(created_at) + timedelta(days=round(days)))
    entered = _entries(rng, created_at, closed_at, len(path) - 1)
    late_facts = path[0].rank < DEMO and rng.random() < business.late_facts_share
    amount = _amount(rng, pipeline)
    close_on = berlin_day(created_at) + timedelta(days=rng.randrange(30, 75))
    first = Version(
        at=created_at,
        stage=path[0].name,
        status="open",
        amount=None if late_facts else amount,
        close_on=close_on if business.one_close_date or not late_facts else None,
        owner=owners[0],
    )
    changes: list[Change] = [(at, {"stage": stage.name}) for at, stage in zip(entered, path[1:], strict=True)]
    changes += _amounts(rng, amount, late_facts, list(zip(entered, path[1:], strict=True)))
    known_at, known_close = created_at, first.close_on
    if known_close is None:
        known_at, known_close = _first_close_date(changes, entered, path)
    if known_close is not None:
        changes += _pushes(rng, known_at, known_close, closed_at)
    if rng.random() < 0.15 and entered:
        changes.append((working_moment(rng, berlin_day(entered[-1])), {"owner": owners[1]}))
    changes = [change for change in changes if change[0] < closed_at]
    changes += _ending(rng, business, closed_at, wins, path[-1])
    return list(_versions(first, changes))


def _path(rng: random.Random, pipeline: Pipeline, wins: bool) -> list[Stage]:
    """The open stages in the order of entry: mostly the next one, some skipped, some gone back to."""
    stages = pipeline.stages
    place = 0 if rng.random() < 0.85 else 1
    path = [stages[place]]
    while len(path) < 12:
        if not wins and rng.random() < 0.24:
            return path
        if wins and path[-1].rank >= PROPOSAL and (place == len(stages) - 1 or rng.random() < 0.2):
            return path
        if place == len(stages) - 1:
            if rng.random() < 0.85:
                return path
            step = -1
        else:
            step = rng.choices((1, 2, -1), (0.83, 0.11, 0.06 if place > 0 else 0))[0]
        place = min(place + step, len(stages) - 1)
        path.append(stages[place])
    return path if not wins or path[-1].rank >= PROPOSAL else [*path, stages[-1]]


def _entries(rng: random.Random, created_at: datetime, closed_at: datetime, count: int) -> list[datetime]:
    """`count` moments between creation and close, in order, no two alike."""
    seconds = (closed_at - created_at).total_seconds()
    parts = sorted(rng.uniform(0.04, 0.94) for _ in range(count))
    moments: list[datetime] = []
    previous = created_at
    for part in parts:
        moment = working_moment(rng, berlin_day(created_at + timedelta(seconds=seconds * part)))
        previous = moment if moment > previous else previous + timedelta(seconds=rng.randrange(60, 5000))
        moments.append(min(previous, closed_at - timedelta(seconds=count - len(moments))))
    return moments


def _amount(rng: random.Random, pipeline: Pipeline) -> Decimal:
    """What a deal is worth: log-normal, mostly a round sum."""
    value = pipeline.median_amount * rng.lognormvariate(0, 0.8)
    step = rng.choices(("500", "100", "0.5"), (0.55, 0.35, 0.1))[0]
    return max((Decimal(round(value)) // Decimal(step)) * Decimal(step), Decimal(500))


def _amounts(
    rng: random.Random, amount: Decimal, late_facts: bool, entries: list[tuple[datetime, Stage]]
) -> Iterator[Change]:
    """The amount is known from the demo on at the latest, often changes with the offer, and again before signing."""
    known, offered, bargained = not late_facts, False, False
    for at, stage in entries:
        if not known and stage.rank >= DEMO:
            known = True
            yield at, {"amount": amount}
        elif known and not offered and stage.rank >= PROPOSAL:
            offered = True
            if rng.random() < 0.4:
                amount = max((amount * Decimal(rng.randrange(75, 125)) // 5000) * 50, Decimal(500))
                yield at + timedelta(minutes=rng.randrange(1, 45)), {"amount": amount}
        elif known and offered and not bargained and stage.rank >= CLOSING:
            bargained = True
            if rng.random() < 0.3:
                amount = max((amount * Decimal(rng.randrange(85, 98)) // 5000) * 50, Decimal(500))
                yield at + timedelta(minutes=rng.randrange(1, 45)), {"amount": amount}


def _first_close_date(
    changes: list[Change], entered: list[datetime], path: list[Stage]
) -> tuple[datetime, date | None]:
    """A deal that began without one gets its expected close with the demo."""
    for at, stage in zip(entered, path[1:], strict=True):
        if stage.rank >= DEMO:
            close_on = berlin_day(at) + timedelta(days=30)
            changes.append((at, {"close_on": close_on}))
            return at, close_on
    return entered[0] if entered else datetime.max, None


def _pushes(rng: random.Random, known_at: datetime, close_on: date, closed_at: datetime) -> Iterator[Change]:
    """Shortly before an expected close comes, it is put off; now and then it was drawn nearer before."""
    nearer = close_on - timedelta(days=rng.randrange(5, 15))
    drawn_at = working_moment(rng, berlin_day(known_at) + timedelta(days=rng.randrange(2, 9)))
    if rng.random() < 0.15 and berlin_day(drawn_at) + timedelta(days=5) < nearer and drawn_at < closed_at:
        known_at, close_on = drawn_at, nearer
        yield known_at, {"close_on": close_on}
    while close_on < berlin_day(closed_at):
        day = max(close_on - timedelta(days=rng.randrange(1, 5)), berlin_day(known_at) + timedelta(days=1))
        known_at = working_moment(rng, day)
        close_on += timedelta(days=rng.randrange(14, 45))
        yield known_at, {"close_on": close_on}


def _ending(rng: random.Random, business: Business, closed_at: datetime, wins: bool, last: Stage) -> Iterator[Change]:
    """Won or lost; now and then a lost deal comes back."""
    yield closed_at, _close(rng, business, closed_at, wins)
    if not wins and rng.random() < 0.05:
        reopened_at = working_moment(rng, berlin_day(closed_at) + timedelta(days=rng.randrange(8, 40)))
        expected = berlin_day(reopened_at) + timedelta(days=45)
        yield reopened_at, {"status": "open", "lost_reason": None, "close_on": expected}
        again_at = working_moment(rng, berlin_day(reopened_at) + timedelta(days=rng.randrange(15, 38)))
        yield again_at, _close(rng, business, again_at, wins=last.rank >= PROPOSAL and rng.random() < 0.5)


def _close(rng: random.Random, business: Business, at: datetime, wins: bool) -> dict[str, object]:
    close: dict[str, object] = {"status": "won" if wins else "lost"}
    if not wins:
        close["lost_reason"] = rng.choice(LOSS_REASONS)
    if business.one_close_date:
        close["close_on"] = berlin_day(at)
    return close


def _versions(first: Version, changes: list[Change]) -> Iterator[Version]:
    """Folds the changes, in the order of time, into versions; what is changed at one moment is saved at once."""
    version = first
    yield version
    for at, at_once in groupby(sorted(changes, key=lambda item: item[0]), key=lambda item: item[0]):
        for _, change in at_once:
            version = changed(version, at, change)
        yield version


def last_known_touch(deal: Deal, before: datetime) -> datetime:
    """The newest creation, change of stage or change of status before a moment."""
    touch = deal.created_at
    for previous, version in zip(deal.versions, deal.versions[1:], strict=False):
        if version.at < before and (version.stage, version.status) != (previous.stage, previous.status):
            touch = version.at
    return touch
