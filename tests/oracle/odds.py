"""How likely deals that are open on a day are won and lost in the months after it, by those that were open before.

Month by month: of the deals of earlier days that were still open then, what share was won and lost in that month.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

Traits = tuple[str | None, str, int]
Place = tuple[str, str]
HORIZON = 6
#: Months for which deals are followed.
FOLLOWED = 24
ENOUGH = 30
#: What deals are compared by, the finest first: stage, expected close, age.
COMPARED = ((0, 1, 2), (0, 1), (0, 2), (0,), (2,), ())


class Kind(NamedTuple):
    """Deals with the same odds on one day."""

    traits: Traits
    crm_probability: float | None
    expected_step: int | None


@dataclass(frozen=True)
class Standing:
    """A deal that was open at the end of a day, and how that stay ended."""

    deal_key: str
    day: date
    place: Place
    traits: Traits
    crm_probability: float | None
    expected_step: int | None
    amount: Decimal | None
    outcome: str | None
    months_to_end: int | None
    won_amount: Decimal

    @cached_property
    def kind(self) -> Kind:
        """What its odds hang on."""
        return Kind(self.traits, self.crm_probability, self.expected_step)

    def ended_within(self, months: int) -> bool:
        """Whether the stay ended at most so many months ahead."""
        return self.months_to_end is not None and self.months_to_end <= months


class Fate(NamedTuple):
    """What is learnt from a deal that was open on a day: what it was like, and how that stay ended."""

    month: int
    traits: Traits
    outcome: str | None
    months_to_end: int | None

    def ended_within(self, months: int) -> bool:
        """Whether the stay ended at most so many months ahead."""
        return self.months_to_end is not None and self.months_to_end <= months


class Chance(NamedTuple):
    """Of being won and lost in one month ahead, by how many deals compared at which level."""

    step: int
    level: int
    followed: int
    won: float
    lost: float


class Odds:
    """Of deals at the days of one series; `first_step` 0: days within a month, which is not over at them."""

    def __init__(self, standings: list[Standing], first_step: int) -> None:
        self.first_step = first_step
        self._of_place: dict[Place, Counter[Fate]] = defaultdict(Counter)
        for one in standings:
            fate = Fate(month_number(one.day), one.traits, one.outcome, one.months_to_end)
            self._of_place[one.place][fate] += 1
        self._tallies: dict[tuple[Place, date], dict[tuple[int, tuple[Any, ...], int], list[int]]] = {}
        self._chances: dict[tuple[Place, date, Traits | None], list[Chance]] = {}

    def of(self, place: Place, day: date, traits: Traits | None) -> list[Chance]:
        """Month by month as far as any earlier deal was followed; without traits, those of any deal of the pipeline."""
        key = (place, day, traits)
        if key not in self._chances:
            self._chances[key] = self._work_out(place, day, traits)
        return self._chances[key]

    def _work_out(self, place: Place, day: date, traits: Traits | None) -> list[Chance]:
        tallies = self._tallies_at(place, day)
        chances, still_open = [], 1.0
        for step in range(self.first_step, FOLLOWED + 1):
            for level, compared in enumerate(COMPARED, start=1):
                if compared and traits is None:
                    continue
                group = tuple(traits[trait] for trait in compared) if traits else ()
                followed, at_risk, won, lost = tallies.get((level, group, step), (0, 0, 0, 0))
                if followed >= (ENOUGH if compared else 1) and (at_risk or not compared):
                    shares = (won / at_risk, lost / at_risk) if at_risk else (0.0, 0.0)
                    chances.append(Chance(step, level, followed, *(still_open * share for share in shares)))
                    still_open *= 1 - shares[0] - shares[1] if won + lost < at_risk else float(not at_risk)
                    break
        return chances

    def _tallies_at(self, place: Place, day: date) -> dict[tuple[int, tuple[Any, ...], int], list[int]]:
        """(level, traits compared, step) → deals followed, still open before, won, lost, of months that were over."""
        key = (place, day)
        if key not in self._tallies:
            last = month_number(day) - (1 if self.first_step == 0 else 0)
            tallies: dict[tuple[int, tuple[Any, ...], int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
            for fate, deals in self._of_place[place].items():
                if fate.month >= month_number(day):
                    continue
                for step in range(self.first_step, min(FOLLOWED, last - fate.month) + 1):
                    was_deleted = fate.outcome == "deleted" and fate.ended_within(step)
                    is_at_risk = not fate.ended_within(step - 1) and not was_deleted
                    ends = fate.months_to_end == step
                    for level, compared in enumerate(COMPARED, start=1):
                        tally = tallies[level, tuple(fate.traits[trait] for trait in compared), step]
                        tally[0] += 0 if was_deleted else deals
                        tally[1] += deals if is_at_risk else 0
                        tally[2] += deals if ends and fate.outcome == "won" else 0
                        tally[3] += deals if ends and fate.outcome == "lost" else 0
            self._tallies[key] = tallies
        return self._tallies[key]


def month_number(day: date) -> int:
    """Months since year 0."""
    return day.year * 12 + day.month


def said_within(kind: Kind, first_step: int, last_step: int, outcome: str = "won") -> float | None:
    """What the CRM says of some months ahead: it closes the deal in that of its expected close, won or lost."""
    if kind.crm_probability is None or kind.traits[1] == "none":
        return None
    if kind.expected_step is None or not first_step <= kind.expected_step <= last_step:
        return 0.0
    return kind.crm_probability if outcome == "won" else 1 - kind.crm_probability


def combined(ours: float, crm: float | None, weight: float) -> float:
    """Both as one."""
    return ours if crm is None else weight * ours + (1 - weight) * crm
