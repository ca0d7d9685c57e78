"""One planted source: its records, its rates, and what its makers planted in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, TypeVar

from tests.hygiene.calendar import AS_OF, DAY, TODAY, day
from tests.hygiene.limits import Limits
from tests.hygiene.planted import Planted
from tests.hygiene.policies import Pipeline, Policy, fast, policy_of, sales, small
from tests.hygiene.records import Activity, Deal, Lead, shown_from
from tests.oracle.currencies import CODES

T = TypeVar("T")

#: Owner → what the owners' list says of them; `ghost` is not in it.
OWNERS = {"ann": "true", "bob": "yes", "gone": "false", "vague": "maybe", "silent": ""}
STATE_OF_OWNER = {"gone": "deactivated", "ghost": "unknown"}
#: Account → its segment; `unlisted` is not in the accounts' list.
ACCOUNTS = {"acme": "SMB", "globex": "Enterprise", "plain": ""}

#: What is known of a currency's rates.
CURRENCY_KINDS = ("fresh", "as old as may be", "too old", "once", "unknown")
OWN_CURRENCY = "EUR"
FOREIGN = sorted(CODES - {OWN_CURRENCY})
#: How many worlds have currencies of their own in one warehouse.
WORLDS_AT_ONCE = len(FOREIGN) // len(CURRENCY_KINDS)


@dataclass
class World:
    """A source in the making."""

    seed: int
    limits: Limits
    policy: Policy = field(init=False)
    rng: Random = field(init=False)
    pipelines: dict[str, Pipeline] = field(init=False)
    planted: Planted = field(default_factory=Planted)
    deals: list[Deal] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    #: ids that the next deals get, instead of numbers
    reserved: list[str] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    #: deals whose amount is still free to be an outlier; deals that were closed once and opened again
    probes: set[str] = field(default_factory=set)
    reopened: set[str] = field(default_factory=set)
    #: what each record is planted with, until it is known whether any rule looks at it
    of_record: dict[str, Planted] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.policy = policy_of(self.seed)
        self.rng = Random(self.seed)
        made = [sales(self.rng, self.policy, self.limits), small(self.limits), fast(self.policy, self.limits)]
        self.pipelines = {pipeline.name: pipeline for pipeline in made}

    @property
    def name(self) -> str:
        return f"world{self.seed:03d}"

    def key(self, record_id: str) -> str:
        return f"{self.name}:{record_id}"

    def delivers(self, column: str) -> bool:
        """`entity.column`, or an entity."""
        entity = column.split(".")[0]
        return column not in self.policy.lacks and entity not in self.policy.lacks

    def pick(self, *options: T) -> T:
        return self.rng.choice(options)

    def near_or_over(self, *limits: int) -> int:
        """A number of days around one of these limits, or far from it."""
        limit = self.rng.choice(limits)
        return max(0, self.rng.choice([limit - 1, limit, limit, limit + 1, limit + 1, limit + 25, limit // 2]))

    def next_id(self, letter: str, made: Sequence[object]) -> str:
        return f"{letter}{len(made) + 1:04d}"

    def new_deal(self, pipeline: str, created: datetime, **about: Any) -> Deal:
        record_id = self.reserved.pop() if self.reserved else self.next_id("D", self.deals)
        deal = Deal(record_id, pipeline, created, **about)
        deal.name = deal.name or f"Deal {deal.id}"
        self.deals.append(deal)
        self.of_record[deal.id] = Planted()
        return deal

    def act(self, **about: Any) -> Activity:
        activity = Activity(self.next_id("A", self.activities), **about)
        if "first_shown" not in about and activity.is_done:
            activity.first_shown = shown_from(activity.completed or activity.due or AS_OF)
        self.activities.append(activity)
        return activity

    @property
    def currencies(self) -> dict[str, list[tuple[date, Decimal]]]:
        """Currency → its rates. Rates are common to all sources, so each has currencies of its own."""
        oldest = self.limits.max_rate_age_days
        rates = {
            "fresh": [(day(5), Decimal("1.25")), (day(400), Decimal("2.5"))],
            "as old as may be": [(day(oldest), Decimal("0.8"))],
            "too old": [(day(oldest + 1), Decimal("0.8"))],
            "once": [(day(200), Decimal("1.1")), (TODAY + DAY, Decimal("3"))],
        }
        return {self.currency(kind): rates.get(kind, []) for kind in CURRENCY_KINDS}

    def currency(self, kind: str) -> str:
        """The world's own currency of one of CURRENCY_KINDS."""
        return FOREIGN[(self.seed % WORLDS_AT_ONCE) * len(CURRENCY_KINDS) + CURRENCY_KINDS.index(kind)]

    @property
    def foreign(self) -> str:
        """A currency with a fresh rate."""
        return self.currency("fresh")

    def rate(self, currency: str | None, wanted: date) -> Decimal | None:
        """The latest rate dated on or before a day, at most today; None if it is too old or there is none."""
        if currency is None or currency == "EUR" or not self.delivers("deals.currency"):
            return Decimal(1)
        wanted = min(wanted, TODAY)
        known = [(told_on, rate) for told_on, rate in self.currencies[currency] if told_on <= wanted]
        if not known or (wanted - max(known)[0]).days > self.limits.max_rate_age_days:
            return None
        return max(known)[1]

    def in_reporting_currency(self, deal: Deal, closed_on: date | None) -> Decimal | None:
        rate = self.rate(deal.currency, closed_on or TODAY)
        if rate is None or deal.amount is None:
            return None
        return (deal.amount * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
