"""How the planted sources are configured: their pipelines with limits by stage, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.hygiene.limits import WITHOUT_HISTORY, Limits

#: Field → the canonical stage from which on it is required, where no stage of a pipeline says.
REQUIRED_FROM = {"owner": "prospecting", "amount": "proposal", "expected_close_on": "proposal"}
OTHER_FIELDS = ("deal_name", "lead", "lead_source", "segment")
CANONICAL = ["prospecting", "contact", "qualifying", "demo", "proposal", "closing"]


@dataclass(frozen=True)
class Stage:
    """An open stage."""

    name: str
    canonical: str
    mandatory: bool = False
    limits: dict[str, int | str] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def as_yaml(self) -> dict[str, Any]:
        written: dict[str, Any] = {"name": self.name, "canonical": self.canonical, **self.limits}
        if self.mandatory:
            written["mandatory"] = True
        if self.required:
            written["required"] = list(self.required)
        return written


@dataclass
class Pipeline:
    """Its open stages in order; `Won` and `Lost` come behind them.

    `common`: the limits of all pipelines; `p90`: what `auto` came to, by stage.
    """

    name: str
    stages: list[Stage]
    common: Limits
    limits: dict[str, int | str] = field(default_factory=dict)
    after_close: str | None = None
    p90: dict[str, int] = field(default_factory=dict)

    def as_yaml(self) -> dict[str, Any]:
        ends = [{"name": name, "canonical": name.lower()} for name in ("Won", "Lost")]
        written: dict[str, Any] = {"name": self.name, "stages": [*(stage.as_yaml() for stage in self.stages), *ends]}
        if self.limits:
            written["thresholds"] = self.limits
        if self.after_close:
            written["after_close"] = self.after_close
        return written

    def place(self, stage: str) -> int:
        return [one.name for one in self.stages].index(stage)

    def limit(self, name: str, stage: str) -> int:
        """The stage's own word, else the pipeline's, else what holds for all; `auto` resolved."""
        own = next((one.limits for one in self.stages if one.name == stage), {})
        said = own.get(name, self.limits.get(name, getattr(self.common, name)))
        return int(self.p90.get(stage, WITHOUT_HISTORY[name]) if said == "auto" else said)

    def required(self, stage: str) -> list[str]:
        """The fields an open deal needs here: what this stage or one before it names; by default what none names."""
        reached = self.stages[: self.place(stage) + 1]
        found = {name for one in reached for name in one.required}
        rank = max(CANONICAL.index(one.canonical) for one in reached)
        named_anywhere = {name for one in self.stages for name in one.required}
        found |= {
            name
            for name, first in REQUIRED_FROM.items()
            if name not in named_anywhere and rank >= CANONICAL.index(first)
        }
        return sorted(found)

    def passed_over(self, stage: str, next_stage: str) -> str | None:
        """The first mandatory stage that a move forward leaves out."""
        between = self.stages[self.place(stage) + 1 : self.place(next_stage)]
        return next((one.name for one in between if one.mandatory), None)


@dataclass(frozen=True)
class Policy:
    """Where a source differs from others.

    `history`: the entity that tells it; `lacks`: canonical columns and entities that it does not deliver.
    """

    zone: ZoneInfo
    has_one_close_date: bool
    after_close: str
    required: str
    history: str
    log_lags: bool
    lacks: frozenset[str]
    is_flat: bool


ZONES = ["UTC", "Europe/Helsinki", "America/New_York", "Asia/Kolkata"]
LACKS: list[tuple[str, ...]] = [
    (),
    ("activities.due_at", "deals.lost_reason"),
    ("owners", "leads.email"),
    ("deals.expected_close_on",),
    ("activities",),
    ("deals.amount", "deals.lead_id", "leads.converted_deal_id"),
    ("deals.account_id", "deals.currency", "leads.created_at"),
    ("deals.created_at", "deals.deal_name", "leads.owner_id"),
    ("deals.owner_id",),
]


def policy_of(seed: int) -> Policy:
    """Neighbouring seeds differ in everything, so that a few of them show it all."""
    lacks = frozenset(LACKS[seed % len(LACKS)])
    return Policy(
        zone=ZoneInfo(ZONES[seed % len(ZONES)]),
        # a CRM without an expected close date has no such field at all
        has_one_close_date=seed % 5 in (1, 4) and "deals.expected_close_on" not in lacks,
        after_close="keep_first" if seed % 2 else "reopen",
        required=["default", "listed", "some"][(seed + seed // 9) % 3],
        history="deal_versions" if seed % 4 == 3 else "deal_changes",
        log_lags=seed % 5 == 3,
        lacks=lacks,
        is_flat=seed % 4 == 2,
    )


def sales(rng: Random, policy: Policy, common: Limits) -> Pipeline:
    """Limits everywhere: of the stage, or of the pipeline."""
    stages = [
        Stage("New", "prospecting"),
        Stage("Talk", "contact", limits={"stale_after_days": rng.choice([14, 21, 45])}),
        Stage("Demo", "demo", mandatory=True, limits={"max_days_in_stage": rng.choice([10, 25])}),
        Stage("Offer", "proposal", limits={"max_close_date_pushes": rng.choice([0, 1, 5])}),
        Stage(
            "Signing", "closing", mandatory=rng.random() < 0.5, limits={"max_days_in_stage": 7, "stale_after_days": 5}
        ),
    ]
    required: dict[str, dict[str, tuple[str, ...]]] = {
        "default": {},
        "listed": {
            "New": ("owner",),
            "Talk": ("account", "deal_name"),
            "Demo": ("lead_source",),
            "Offer": ("amount", "lead", "segment"),
            "Signing": ("expected_close_on",),
        },
        "some": {"Talk": ("owner",), "Demo": ("amount", "account")},
    }
    fields = required[policy.required]
    stages = [Stage(s.name, s.canonical, s.mandatory, s.limits, fields.get(s.name, ())) for s in stages]
    limits: dict[str, int | str] = {
        "max_days_in_stage": rng.choice([35, 50]),
        "max_close_date_pushes": 2,
        "max_amount_deviations": rng.choice([3, 5]),
    }
    if rng.random() < 0.5:
        limits["stale_after_days"] = rng.choice([9, 33])
    return Pipeline("Sales", stages, common, limits)


def small(common: Limits) -> Pipeline:
    """Nothing is said of any limit, and there are too few visits to learn one from."""
    stages = [Stage("New", "prospecting"), Stage("Trial", "demo"), Stage("Offer", "proposal")]
    return Pipeline("Small", stages, common)


def fast(policy: Policy, common: Limits) -> Pipeline:
    """Limits learnt from visits: of a stage of thirty, not of one of twenty-nine, nor of one that few ever leave."""
    auto: dict[str, int | str] = {"stale_after_days": "auto"}
    stages = [
        Stage("Thirty", "contact", limits=auto),
        Stage("Twenty-nine", "qualifying", limits=auto),
        Stage("Unending", "demo", limits={"max_days_in_stage": "auto"}),
    ]
    after_close = {"reopen": "keep_first", "keep_first": "reopen"}[policy.after_close]
    return Pipeline("Fast", stages, common, {"max_days_in_stage": "auto"}, after_close)
