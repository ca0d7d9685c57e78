"""What customers pay and what finding them costs, as a business's books have it: made of the deals it won.

Chance has a stream of its own here, so that nothing else in the extracts depends on it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from seeds.make_extracts.business import Account, Deal, Owner, World
from seeds.make_extracts.clock import FIRST_DAY, NEWEST, berlin_day, extract_time
from seeds.make_extracts.worlds import SEED

#: Months until the first invoice that does not come, and those until a customer who left is back, if ever.
_CHURN, _RETURNS, _MONTHS_AWAY = 0.07, 0.35, (2, 3, 5)
_PAYS_BY_YEAR = 0.12
_FOREIGN = ("GBP", "USD")
#: Channel that costs money → (a month of it in EUR, how sure it is to be used in a month).
CHANNELS = {"Web": (2400, 0.95), "Trade Show": (5200, 0.45), "Purchased List": (800, 0.6)}


@dataclass(frozen=True)
class Line:
    """A line of an invoice; `until`: the last day of what it pays for, if it pays for a year."""

    number: str
    account: Account
    on: date
    until: date | None
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Cost:
    """Money spent on finding customers in a month; without a channel it is for all of them."""

    month: date
    channel: str
    segment: str
    amount: Decimal
    currency: str
    owner: Owner | None  # who went to the fair, and whose it is


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def invoiced(world: World) -> list[Line]:
    """All lines up to the newest delivery, by day: monthly or yearly from the first win on, with one refund."""
    rng = random.Random(f"{SEED}:{world.business.name}:revenue")
    lines = [line for deal, on in _first_wins(world) for line in _lines_of(rng, deal, on)]
    lines.sort(key=lambda line: (line.on, line.account.id))
    paid = rng.choice(lines[len(lines) // 2 :])
    refund = Line("", paid.account, paid.on + timedelta(days=9), None, -paid.amount / 4, paid.currency)
    lines = sorted([*lines, refund], key=lambda line: (line.on, line.account.id))
    return [
        Line(f"{line.on:%y%m}-{place:04d}", line.account, line.on, line.until, line.amount, line.currency)
        for place, line in enumerate(lines, start=1)
        if line.on < NEWEST
    ]


def costs(world: World) -> list[Cost]:
    """Month by month since the first day: channels, one of them by segment, an agency, a trade paper in GBP."""
    rng = random.Random(f"{SEED}:{world.business.name}:spend")
    segments = sorted({account.segment for account in world.accounts if account.segment})
    found = []
    month = FIRST_DAY
    while month < NEWEST:
        for channel, (usual, share) in CHANNELS.items():
            if rng.random() < share:
                segment = rng.choice(segments) if channel == "Trade Show" else ""
                owner = rng.choice(world.owners[:-1]) if channel == "Trade Show" else None
                found.append(Cost(month, channel, segment, _about(rng, usual), "EUR", owner))
        found.append(Cost(month, "", "", _about(rng, 1500), "EUR", None))
        if month.month % 3 == 0:
            found.append(Cost(month, "Other", "", _about(rng, 600), "GBP", None))
        month = next_month(month)
    return found


def _about(rng: random.Random, usual: int) -> Decimal:
    return Decimal(round(usual * rng.uniform(0.7, 1.3) * 100)) / 100


def _first_wins(world: World) -> list[tuple[Deal, date]]:
    """The deal that made each account a customer, and the day it was won, in the order of days."""
    horizon = extract_time(NEWEST, world.business.zone)
    wins: dict[str, tuple[Deal, date]] = {}
    for deal in sorted(world.deals, key=lambda deal: deal.id):
        version, closed_at = deal.at(horizon), deal.last_close_before(horizon)
        if version is None or version.status != "won" or closed_at is None or deal.account is None:
            continue
        won_on = berlin_day(closed_at)
        if deal.account.id not in wins or won_on < wins[deal.account.id][1]:
            wins[deal.account.id] = (deal, won_on)
    return sorted(wins.values(), key=lambda win: (win[1], win[0].id))


def _lines_of(rng: random.Random, deal: Deal, won_on: date) -> Iterator[Line]:
    """From the day of the win, then from the first of each month; some customers leave, some of them come back."""
    assert deal.account
    fee = Decimal(round(rng.lognormvariate(6.6, 0.6)))
    currency = deal.currency if deal.currency in _FOREIGN else "EUR"
    by_year = rng.random() < _PAYS_BY_YEAR
    on = won_on
    while on < NEWEST:
        until = date(on.year + 1, on.month, on.day) - timedelta(days=1) if by_year and on.day < 29 else None
        yield Line("", deal.account, on, until, fee * (11 if until else 1), currency)
        on = next_month(on) if until is None else until + timedelta(days=1)
        if rng.random() < (_CHURN if until is None else 3 * _CHURN):
            if rng.random() > _RETURNS:
                return
            for _ in range(rng.choice(_MONTHS_AWAY)):
                on = next_month(on)
