"""Closed deals that were changed once their month was over: planted at the limits, and found among all the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from tests.hygiene.calendar import EXTRACTS, NEWEST, SECOND, TODAY, in_berlin, moment
from tests.hygiene.deals import judge
from tests.hygiene.records import ENDS, Deal
from tests.hygiene.world import World

ORDER = ("status", "closed_on", "amount", "owner", "pipeline")
#: Field, day of the closing, day of the change.
Rewrite = tuple[str, date, date]


def plant_rewrites(world: World) -> None:
    """Wins of long ago that got another owner: as long ago as is listed and a day longer, of owners with as many as may
    be and one more; and such as are deleted."""
    within, most = world.limits.rewritten_within_days, world.limits.max_rewritten_deals
    for owner, number in (("silent", most), ("vague", most + 1)):
        for place in range(number + 1):
            # the last is too long ago to count
            _win(world, owner, within + (1 if place == number else -place))
        deleted = _win(world, owner, within)
        deleted.flagged = {NEWEST}
        world.deleted.add(deleted.id)
        judge(world, deleted, "deleted_deal", True, in_berlin(EXTRACTS[NEWEST]), "present")


def _win(world: World, owner: str, days_ago: int) -> Deal:
    moves = [(moment(330, world.rng), "New"), (moment(300, world.rng), "Won")]
    deal = world.new_deal("Small", moves[0][0], moves=moves, stage="Won", currency="EUR", account="acme")
    deal.closed_at, deal.close_on = moves[1][0], in_berlin(moves[1][0])
    deal.amount = Decimal("1000.00") if world.delivers("deals.amount") else None
    if world.delivers("deals.owner_id"):
        deal.owner = owner
        deal.changes = [
            (moves[0][0] + SECOND, "owner_id", "bob", "ann"),
            (moment(days_ago, world.rng), "owner_id", "ann", owner),
        ]
    return deal


def judge_rewrites(world: World) -> None:
    """Every deal, when all are made: what of its closed past was changed, and when."""
    within = world.limits.rewritten_within_days
    for deal in world.deals:
        found = [one for one in [*_told(deal), *_seen(world, deal)] if _month(one[2]) > _month(one[1])]
        if not found:
            continue
        fields = {field for field, _, _ in found}
        days_ago = (TODAY - max(on for _, _, on in found)).days
        is_broken = days_ago <= within and deal.id not in world.deleted
        observed = ", ".join(one for one in ORDER if one in fields)
        judge(world, deal, "history_rewritten", is_broken, observed, min(closed_on for _, closed_on, _ in found))


def _month(day: date) -> date:
    return day.replace(day=1)


def _told(deal: Deal) -> Iterator[Rewrite]:
    """By its log: while it stood closed, or by what ended that."""
    runs: list[tuple[datetime, str]] = []
    for at, stage in deal.moves:
        outcome = stage if stage in ENDS else "open"
        if not runs or runs[-1][1] != outcome:
            runs.append((at, outcome))
    ends: list[datetime | None] = [at for at, _ in runs[1:]]
    for (closed_at, outcome), left_at in zip(runs, [*ends, None], strict=False):
        if outcome == "open":
            continue
        if left_at is not None:
            yield "status", in_berlin(closed_at), in_berlin(left_at)
        for at, what, old, new in deal.changes:
            field = {"owner_id": "owner", "amount": "amount"}.get(what)
            if field and old != new and at > closed_at and (left_at is None or at <= left_at):
                yield field, in_berlin(closed_at), in_berlin(at)


def _seen(world: World, deal: Deal) -> Iterator[Rewrite]:
    """By two extracts, where one of a later month still had what the first of them shows."""
    shown = [number for number in range(len(EXTRACTS)) if deal.is_in(number)]
    for earlier, later in pairwise(shown):
        rows = [deal.row(number, world.policy.zone, world.policy.has_one_close_date) for number in (earlier, later)]
        if rows[0]["stage"] not in ENDS:
            continue
        given = deal.close_on if world.policy.has_one_close_date else deal.closed_at and in_berlin(deal.closed_at)
        closed_on = given or in_berlin(EXTRACTS[earlier])
        if _month(in_berlin(EXTRACTS[later - 1])) <= _month(closed_on):
            continue
        columns = {"stage": "status", "amount": "amount", "owner_id": "owner"}
        for column, field in columns.items():
            if rows[0][column] != rows[1][column] and world.delivers(f"deals.{column}"):
                yield field, closed_on, in_berlin(EXTRACTS[later])
