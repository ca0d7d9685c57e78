"""Invented CRMs that change their past from night to night: the causes add up, and plain Python says the same.

One warehouse, several nights of it; each is compared with the one before. Deals come, go, come back, close, reopen, are
merged, handed on and priced anew, leads are answered and converted, rates and spend are corrected; and in some of
these nights the configuration changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

import pytest

from tests.faults.nights import Nights
from tests.integration.test_restatements import CONFIG, HEADING, OTHERWISE, differences_to

SEEDS, NIGHTS = (1, 2), 5
# a rate of a year ago holds
LIMITS = "max_rate_age_days: 1000, min_volume_share: 0"
#: What a company has in its configuration one night or another.
CONFIGURATIONS = [
    f"thresholds: {{{limits}}}\n{config}"
    for limits, config in (
        (LIMITS, CONFIG),
        (f"{LIMITS}, lead_response_sla_hours: 48", CONFIG),
        (LIMITS, OTHERWISE),
        (LIMITS, OTHERWISE.replace("Held, canonical: lost", "Held, canonical: won")),
    )
]
START = date(2026, 1, 10)


@dataclass
class World:
    """What a CRM holds, and what it does to it every night."""

    random: Random
    day: date = START
    deals: dict[str, list[str]] = field(default_factory=dict)
    hidden: dict[str, list[str]] = field(default_factory=dict)
    leads: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    rate: str = "0.5"
    spend: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def some_day(self, days: int = 100) -> str:
        """A day before tonight."""
        return str(self.day - timedelta(days=self.random.randrange(1, days)))

    def new_deal(self) -> None:
        """A deal that may be closed already."""
        self.made += 1
        created = self.some_day()
        closed = str(
            min(self.day - timedelta(days=1), date.fromisoformat(created) + timedelta(self.random.randrange(40)))
        )
        stage = self.random.choice(["New", "Talks", "Won", "Won", "Lost", "Held"])
        self.deals[f"d{self.made}"] = [
            *(
                f"Deal {self.made}",
                stage,
                str(self.random.choice(["", 100, 250, 900])),
                self.random.choice(["EUR", "USD"]),
            ),
            *(self.random.choice(["u1", "u2", ""]), self.random.choice(["acme", "bolt", ""]), created),
            *(closed if stage in ("Won", "Lost", "Held") else "", ""),
        ]

    def live(self) -> None:
        """One day passes."""
        for _ in range(4):
            self.new_deal()
        for key in self.random.sample(sorted(self.deals), 6):
            self._change(key)
        gone = self.random.choice(sorted(self.deals))
        self.hidden[gone] = self.deals.pop(gone)
        if len(self.hidden) > 1 and self.random.random() < 0.6:
            key = self.random.choice(sorted(self.hidden))
            self.deals[key] = self.hidden.pop(key)
        for number in range(2):
            key = f"l{self.made}-{number}"
            self.leads[key] = [f"{self.some_day()}T09:00:00Z", "New", self.random.choice(["u1", "u2"])]
        for key in self.random.sample(sorted(self.leads), 2):
            self.calls.append(f"c{len(self.calls)},call,{key},{self.some_day(20)}T12:00:00Z")
        self.leads[self.random.choice(sorted(self.leads))][1] = "Converted"
        self.rate = self.random.choice(["0.5", "0.5", "0.8"])
        self.spend[self.some_day()] = str(self.random.randrange(10, 500))

    def _change(self, key: str) -> None:
        deal = self.deals[key]
        what = self.random.choice(["close", "reopen", "amount", "owner", "gone", "merged", "created", "account"])
        if what == "close":
            deal[1], deal[7] = self.random.choice(["Won", "Lost", "Held"]), self.some_day(30)
        elif what == "reopen":
            deal[1], deal[7] = "Talks", ""
        elif what == "amount":
            deal[2] = str(self.random.randrange(50, 1000))
        elif what == "owner":
            deal[4] = self.random.choice(["u1", "u2", "u3"])
        elif what == "gone":
            self.hidden[key] = self.deals.pop(key)
        elif what == "merged":
            deal[8] = self.random.choice(sorted(self.deals.keys() - {key}))
        elif what == "created":
            deal[6] = self.some_day()
        else:
            deal[5] = self.random.choice(["acme", "bolt", "corp"])

    def files(self) -> Iterator[tuple[str, str]]:
        """What it exports tonight."""
        deals = [",".join([key, *values]) for key, values in self.deals.items()]
        yield "deals", "\n".join([HEADING, *deals])
        leads = [",".join([key, *values]) for key, values in self.leads.items()]
        yield "leads", "\n".join(["Id,Created,Status,Owner", *leads])
        yield "calls", "\n".join(["Id,Type,Lead,Done", *self.calls])
        yield "rates", f"Day,Currency,Rate\n2025-01-01,USD,{self.rate}"
        yield "spend", "\n".join(["Day,Amount,Channel", *(f"{day},{amount},Web" for day, amount in self.spend.items())])


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_every_night_says_what_plain_python_says(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    nights = Nights(tmp_path_factory.mktemp(f"restated{seed}"))
    configured = CONFIGURATIONS[0]
    nights.config.write_text(configured, encoding="utf-8")
    world = World(Random(seed))
    for _ in range(20):
        world.new_deal()
    moments: list[str] = []
    causes: set[str] = set()
    for _ in range(NIGHTS):
        world.live()
        for feed, text in world.files():
            nights.deliver(f"crm/{feed}_{world.day}.csv", text)
        moments.append(f"{world.day}T06:00:00Z")
        before, configured = configured, world.random.choice([configured, *CONFIGURATIONS])
        nights.config.write_text(configured, encoding="utf-8")
        warehouse = nights.play(moments[-1])
        assert warehouse.status == 0, warehouse.output
        if len(moments) > 1:
            changed = before if before != configured else ""
            assert differences_to(nights, (moments[-2], moments[-1]), changed) == [], moments[-1]
            causes |= {cause for (cause,) in warehouse.rows("select distinct cause from quality.restatements")}
        world.day += timedelta(days=1)
    assert causes >= {"late", "deleted", "rewritten", "time", "configuration"}
