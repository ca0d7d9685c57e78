"""A small invented sales team, as any CRM would know it: people, customers, leads, deals and what was done for them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

BEGIN = datetime(2025, 2, 3, 9, 0)
END = datetime(2026, 1, 30, 18, 0)
#: The moments of the two exports: nothing later is in them.
NIGHTS = (datetime(2026, 1, 30), datetime(2026, 1, 31))
SOURCES = ("Web", "Trade Show", "Referral", "Cold Call")
REASONS = ("Price", "No budget", "Competitor", "No decision")

_PEOPLE = (("Robin", "Falk"), ("Kim", "Sande"), ("Alex", "Torp"), ("Jo", "Winther"))
_PLACES = ("North", "South", "Harbour", "Lake", "Hill", "Bridge", "Mill", "Garden")
_KINDS = ("Tools", "Food", "Optics", "Logistics")
_THINGS = ("roof", "hall", "gate", "crane", "lights")
_FIRST = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gry", "Hal")
_LAST = ("Ahl", "Berg", "Corte", "Dahl", "Eik", "Fors", "Gram", "Holt")


@dataclass(frozen=True)
class Owner:
    """Somebody who sells; the last has left."""

    number: int
    first: str
    last: str
    is_active: bool

    @property
    def name(self) -> str:
        """First and last."""
        return f"{self.first} {self.last}"


@dataclass(frozen=True)
class Account:
    """A customer; the last two have one name."""

    number: int
    name: str
    industry: str
    created: datetime


@dataclass(frozen=True)
class Lead:
    """Somebody who asked; `deal` is the number of what became of it."""

    number: int
    first: str
    last: str
    company: str
    source: str
    owner: Owner
    created: datetime
    deal: int | None

    @property
    def name(self) -> str:
        """First and last."""
        return f"{self.first} {self.last}"


@dataclass(frozen=True)
class Deal:
    """Its way through the open stages by their place from 0, and how it ended. `estimated` was what it should bring."""

    number: int
    name: str
    owner: Owner
    account: Account | None
    source: str
    lead: Lead | None
    created: datetime
    moves: list[tuple[datetime, int]]
    closed: datetime | None
    outcome: str
    estimated: int
    amount: int
    expected: date
    reason: str | None

    def known_at(self, night: datetime) -> tuple[int, str]:
        """The stage it stands in and its outcome, as of a night."""
        stage = [place for moment, place in self.moves if moment < night][-1]
        return stage, self.outcome if self.closed and self.closed < night else "open"


@dataclass(frozen=True)
class Activity:
    """Something done, or planned, for a deal or a lead."""

    number: int
    kind: str
    subject: str
    owner: Owner
    created: datetime
    due: datetime
    is_done: bool
    is_inbound: bool
    deal: Deal | None = None
    lead: Lead | None = None


@dataclass
class Business:
    """All of it."""

    owners: list[Owner] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)


def business(seed: int, open_stages: int) -> Business:
    """The team's year; the same for the same seed."""
    rng = random.Random(seed)
    made = Business()
    made.owners = [Owner(n, *name, n < len(_PEOPLE) - 1) for n, name in enumerate(_PEOPLE)]
    names = [f"{_PLACES[n % 8]} {_KINDS[(n + n // 8) % 4]}" for n in range(12)]
    names.append(names[-1])
    made.accounts = [
        Account(n, name, name.split()[1], BEGIN + timedelta(days=n, hours=n)) for n, name in enumerate(names)
    ]
    for number in range(48):
        made.leads.append(_lead(rng, number, made.owners))
    for number in range(64):
        lead = next((one for one in made.leads if one.deal == number), None)
        made.deals.append(_deal(rng, number, made, lead, open_stages))
    _act(rng, made)
    return made


def _moment(rng: random.Random, after: datetime, days: int) -> datetime:
    """Some working hour within so many days after a moment, never twice in one second."""
    return (after + timedelta(days=rng.randint(1, days))).replace(
        hour=rng.randint(8, 16), minute=rng.randint(0, 59), second=rng.randint(0, 59)
    )


def _lead(rng: random.Random, number: int, owners: list[Owner]) -> Lead:
    created = _moment(rng, BEGIN + timedelta(days=7 * number), 6)
    return Lead(
        number,
        _FIRST[number % 8],
        _LAST[(number // 8 + number) % 8],
        f"{_PLACES[number % 8]} {_KINDS[number % 4]}",
        rng.choice(SOURCES),
        owners[rng.randrange(3)],
        created,
        number if number % 3 == 0 else None,
    )


def _deal(rng: random.Random, number: int, made: Business, lead: Lead | None, open_stages: int) -> Deal:
    began = lead.created + timedelta(days=2) if lead else BEGIN + timedelta(days=5 * number)
    created = _moment(rng, began, 3)
    moves, moment, place = [(created, 0)], created, 0
    while place < open_stages - 1 and rng.random() < 0.75:
        moment = _moment(rng, moment, 21)
        # now and then back a stage, or over one
        place = max(0, min(open_stages - 1, place + rng.choice((1, 1, 1, 1, 2, -1))))
        if place != moves[-1][1]:
            moves.append((moment, place))
    moves = [(at, stage) for at, stage in moves if at <= END]
    end = _moment(rng, moves[-1][0], 30)
    is_closed = end <= END and rng.random() < 0.85
    outcome = "open" if not is_closed else "won" if rng.random() < 0.2 + 0.6 * moves[-1][1] / open_stages else "lost"
    estimated = rng.randrange(2, 60) * 500
    accounts = made.accounts
    return Deal(
        number,
        f"{accounts[number % len(accounts)].name}: {_THINGS[number % 5]}",
        made.owners[rng.randrange(4) if number < 20 else rng.randrange(3)],
        accounts[number % len(accounts)] if number % 9 else None,
        lead.source if lead else rng.choice(SOURCES),
        lead,
        created,
        moves,
        end if is_closed else None,
        outcome,
        estimated,
        estimated - rng.randrange(0, 4) * 100 if outcome == "won" else estimated,
        (end if is_closed else max(moves[-1][0], END - timedelta(days=20)) + timedelta(days=rng.randint(5, 60))).date(),
        rng.choice(REASONS) if outcome == "lost" else None,
    )


def _act(rng: random.Random, made: Business) -> None:
    """An answer to most leads, some work for every deal, and a next step for most that are open."""

    def add(kind: str, subject: str, owner: Owner, due: datetime, is_done: bool, **about: Deal | Lead | None) -> None:
        # what is still to be done was planned some days ago
        created = min(due, END) - timedelta(hours=rng.randint(1, 30) if is_done else rng.randint(50, 90))
        number = len(made.activities)
        inbound = kind == "call" and rng.random() < 0.2
        made.activities.append(
            Activity(number, kind, f"{subject} {number}", owner, created, due, is_done, inbound, **about)  # type: ignore[arg-type]
        )

    for lead in made.leads:
        if rng.random() < 0.8:
            add("call", "First call", lead.owner, lead.created + timedelta(hours=rng.randint(1, 40)), True, lead=lead)
    for deal in made.deals:
        until = deal.closed or END
        for moment, _ in deal.moves:
            done = _moment(rng, moment, 6)
            if done < until:
                kind = rng.choice(("call", "meeting", "task"))
                add(kind, "Follow up", deal.owner, done, True, deal=deal)
        if deal.closed is None and rng.random() < 0.7:
            add("task", "Send offer", deal.owner, END + timedelta(days=rng.randint(2, 20)), False, deal=deal)
