"""`mart_quarter_movements` and `mart_quarter_outlook` (domain.md, Outlook, quarter, restatements).

Each deal is walked through from change to change: in which quarter it was due, and what it was worth.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from .changes import Change, changes_of, value_on
from .configuration import Config
from .crm import Crm
from .deals import Deal
from .forecast import Past
from .goals import place_of
from .money import Rates
from .months import fiscal_quarter, next_month, quarter_end, quarter_start
from .movements import OUT, Turn, amount_on
from .odds import month_number
from .outlook import outlooks
from .words import shown_now

Rows = list[dict[str, Any]]
DAY = timedelta(days=1)
IN_ORDER = [
    "created",
    "reopened",
    "pulled_in",
    "increased",
    "decreased",
    "pushed_out",
    "won",
    "lost",
    "deleted",
    "merged",
]
GRAINS = ("all", "source", "pipeline", "owner", "team")
CENT = Decimal("0.01")


class Spell(NamedTuple):
    """A stay of a deal in the open pipeline: its turns in and out."""

    deal: Deal
    changes: list[Change]
    came: Turn
    went: Turn | None

    def is_open_on(self, day: date) -> bool:
        """At the day's end."""
        return self.came.on <= day and (self.went is None or day < self.went.on)

    def due_on(self, day: date, fiscal_start: int) -> date | None:
        """The quarter in which it was expected to close, at a day's end."""
        now = shown_now(self.deal.crm, self.deal.id, "expected_close_on")
        text = value_on(self.changes, "expected_close_on", day, now, self.deal.crm)
        return quarter_start(date.fromisoformat(text), fiscal_start) if text else None


class Move(NamedTuple):
    """What happened to a deal on a day, in the pipeline due in one quarter or in none."""

    on: date
    due: date | None
    kind: str
    amount: Decimal


def spells_of(turns: Iterable[Turn]) -> list[Spell]:
    """Of all deals."""
    by_deal: dict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        by_deal[turn.deal.key].append(turn)
    return [
        Spell(came.deal, changes_of(came.deal), came, went)
        for of_deal in by_deal.values()
        for came, went in zip(of_deal[::2], [*of_deal[1::2], None], strict=False)
    ]


def _moves(spell: Spell, rates: Rates, fiscal_start: int) -> Iterator[Move]:
    deal, crm = spell.deal, spell.deal.crm
    told = [one for one in spell.changes if one.field in ("amount", "expected_close_on")] + deal.currency_changes
    last = spell.went.on if spell.went else date.max
    days = sorted({day for day in (crm.local_date(one.at) for one in told) if spell.came.on < day <= last})
    due, worth = spell.due_on(spell.came.on, fiscal_start), amount_on(deal, spell.changes, spell.came.on, rates)
    kind = "merged" if spell.came.kind == "merged in" else spell.came.kind
    yield Move(spell.came.on, due, kind, spell.came.amount)
    for day in days:
        due_now, worth_now = spell.due_on(day, fiscal_start), amount_on(deal, spell.changes, day, rates)
        if due_now != due:
            yield Move(day, due, "pushed_out", worth)
            yield Move(day, due_now, "pulled_in", worth_now)
        elif worth_now != worth:
            yield Move(day, due, "increased" if worth_now > worth else "decreased", abs(worth_now - worth))
        due, worth = due_now, worth_now
    if spell.went:
        kind = "merged away" if spell.went.kind == OUT[-1] else spell.went.kind
        yield Move(spell.went.on, due, kind, spell.went.amount)


def quarter_movements(
    deals: list[Deal], spells: list[Spell], months: Iterable[date], rates: Rates, as_of_day: date, fiscal_start: int
) -> Rows:
    """One row per quarter and pipeline for what is due in it, and one for what is due in none."""
    sums: dict[tuple[Any, ...], list[Decimal]] = defaultdict(list)
    changed: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    quarters = sorted({quarter_start(month, fiscal_start) for month in months})
    for spell in spells:
        place = spell.deal.source, spell.deal.pipeline
        for move in _moves(spell, rates, fiscal_start):
            quarter = quarter_start(move.on, fiscal_start)
            if move.due in (None, quarter):
                row_key = (*place, quarter, move.due is not None, move.kind)
                if move.kind in ("increased", "decreased"):
                    # of these the deals are counted, not the changes
                    changed[(*row_key, spell.deal.key)] += move.amount
                else:
                    sums[row_key].append(move.amount)
        for quarter in quarters:
            for kind, day in (("opening", quarter - DAY), ("closing", quarter_end(quarter, fiscal_start))):
                if not spell.is_open_on(day):
                    continue
                due = spell.due_on(day, fiscal_start)
                if due in (None, quarter):
                    worth = amount_on(spell.deal, spell.changes, day, rates)
                    sums[(*place, quarter, due is not None, kind)].append(worth)
    for (*of_row, _), amount in changed.items():
        sums[tuple(of_row)].append(amount)
    rows = []
    for source, pipeline in sorted({(deal.source, deal.pipeline) for deal in deals}):
        for quarter in quarters:
            for is_dated in (True, False):
                moved = {
                    kind: sums[source, pipeline, quarter, is_dated, kind]
                    for kind in ("opening", *IN_ORDER, "merged away", "closing")
                }
                away = moved.pop("merged away")
                row: dict[str, Any] = {
                    **_quarter(quarter, as_of_day, fiscal_start),
                    "source": source,
                    "pipeline": pipeline,
                    "has_expected_close": is_dated,
                }
                row |= {f"{kind}_deals": len(amounts) for kind, amounts in moved.items()}
                row |= {f"{kind}_amount": sum(amounts, Decimal(0)) for kind, amounts in moved.items()}
                row["merged_deals"] -= len(away)
                row["merged_amount"] -= sum(away, Decimal(0))
                rows.append(row)
    return rows


def _quarter(quarter: date, as_of_day: date, fiscal_start: int) -> dict[str, Any]:
    year, number = fiscal_quarter(quarter, fiscal_start)
    return {
        "quarter_start": quarter,
        "fiscal_year": year,
        "fiscal_quarter": number,
        "is_complete_quarter": quarter_end(quarter, fiscal_start) < as_of_day,
    }


def quarter_outlook(
    deals: list[Deal],
    spells: list[Spell],
    owners: Rows,
    crms: list[Crm],
    months: Iterable[date],
    past: Past,
    rates: Rates,
    config: Config,
) -> Rows:
    """One row per quarter, grain and grain value."""
    fiscal_start, today = config.fiscal_year_starts, past.as_of_day
    living = [deal for deal in deals if not deal.is_deleted]
    teams = {row["owner_key"]: row["team"] for row in owners}
    quarters = sorted({quarter_start(month, fiscal_start) for month in months})
    targets = _targets(config, crms, owners, quarters)
    values = {
        (grain, _value(grain, deal.source, deal.pipeline, deal.owner_key, teams)) for deal in living for grain in GRAINS
    }
    values |= {(grain, value) for _, grain, value in targets}
    same_days = _same_days(today, fiscal_start)
    due_then = list(_due_then(spells, same_days, rates, fiscal_start))
    values |= {(grain, _value(grain, *who, teams)) for _, who, _ in due_then for grain in GRAINS}
    chances = _chances(past, fiscal_start)
    rows = []
    for grain, value in values:

        def is_its(deal: Deal, grain: str = grain, value: str | None = value) -> bool:
            return _value(grain, deal.source, deal.pipeline, deal.owner_key, teams) == value

        its = [deal for deal in living if is_its(deal)]
        for quarter in quarters:
            pacing: dict[str, Any] = {
                f"{name}_amount_q{back}": None for name in ("won", "open_due") for back in range(1, 5)
            }
            is_now = quarter == quarter_start(today, fiscal_start)
            if is_now:
                pacing = {f"won_amount_q{back}": _won(its, start, day) for back, (start, day) in same_days.items()} | {
                    f"open_due_amount_q{back}": sum(
                        (worth for at, who, worth in due_then if at == back and _value(grain, *who, teams) == value),
                        Decimal(0),
                    )
                    for back in same_days
                }
            row = _outlook_row(its, quarter, targets.get((quarter, grain, value)), chances if is_now else {}, config)
            rows.append(
                {**_quarter(quarter, today, fiscal_start), "grain": grain, "grain_value": value, **row, **pacing}
            )
    return rows


def _value(grain: str, source: str, pipeline: str, owner: str | None, teams: dict[str, str | None]) -> str | None:
    if grain == "team":
        return teams.get(owner or "")
    return {"all": "all", "source": source, "pipeline": f"{source}:{pipeline}", "owner": owner}[grain]


def _worth(deals: Iterable[Deal]) -> Decimal:
    return sum((deal.amount_reporting or Decimal(0) for deal in deals), Decimal(0))


def _won_in(deals: list[Deal], first: date, last: date) -> list[Deal]:
    return [deal for deal in deals if deal.status == "won" and deal.closed_on and first <= deal.closed_on <= last]


def _won(deals: list[Deal], first: date, last: date) -> Decimal:
    return _worth(_won_in(deals, first, last))


def _outlook_row(
    its: list[Deal], quarter: date, target: Decimal | None, chances: dict[str, tuple[float, int]], config: Config
) -> dict[str, Any]:
    fiscal_start = config.fiscal_year_starts
    end = quarter_end(quarter, fiscal_start)
    won = _won(its, quarter, end)
    due = _worth(
        deal
        for deal in its
        if deal.status == "open" and deal.expected_close_on and quarter <= deal.expected_close_on <= end
    )
    gap = None if target is None else max(target - won, Decimal(0))
    year_before = quarter
    for _ in range(4):
        year_before = quarter_start(year_before - DAY, fiscal_start)
    won_before = _won(its, year_before, quarter - DAY)
    closed_before = _worth(deal for deal in its if deal.closed_on and year_before <= deal.closed_on < quarter)
    rate = float(won_before) / float(closed_before) if closed_before else None
    to_come = variance = 0.0
    for deal in its:
        if deal.status == "open" and deal.key in chances:
            (probability, followed), worth = chances[deal.key], float(deal.amount_reporting or 0)
            cautious = (probability * followed + 0.5) / (followed + 1)
            to_come += worth * probability
            variance += worth * worth * cautious * (1 - cautious)
    width = 1.2816 * math.sqrt(variance)
    low = max(0.0, to_come - width) if to_come >= 0 else to_come - width
    return {
        "target": target,
        "won_amount": won,
        "won_deals": len(_won_in(its, quarter, end)),
        "gap": gap,
        "open_due_amount": due,
        "coverage": float(due) / float(gap) if gap else None,
        "outlook_amount": float(won) + to_come,
        "outlook_low": float(won) + low,
        "outlook_high": float(won) + to_come + width,
        "win_rate_by_amount": rate,
        "needed_amount": float(gap) / rate if gap is not None and rate else None,
    }


def _chances(past: Past, fiscal_start: int) -> dict[str, tuple[float, int]]:
    """Open deal → odds of being won in the rest of the quarter, and how many were compared."""
    chances = {}
    for one in past.at_same_days:
        if one.day != past.as_of_day:
            continue
        weight = past.weights.ours(one.place[0], month_number(one.day) - 1)
        found = dict(outlooks(one, past.odds_at_same_days, weight, fiscal_start))
        if "this_quarter" in found:
            followed = past.odds_at_same_days.of(one.place, one.day, one.traits)[0].followed
            chances[one.deal_key] = found["this_quarter"].won, followed
    return chances


def _same_days(today: date, fiscal_start: int) -> dict[int, tuple[date, date]]:
    """How many quarters ago → its first day, and the day that stands as far in it as today."""
    start = quarter_start(today, fiscal_start)
    passed, days = today - start, {}
    for back in range(1, 5):
        start = quarter_start(start - DAY, fiscal_start)
        days[back] = start, min(start + passed, quarter_end(start, fiscal_start))
    return days


def _due_then(
    spells: list[Spell], same_days: dict[int, tuple[date, date]], rates: Rates, fiscal_start: int
) -> Iterator[tuple[int, tuple[str, str, str | None], Decimal]]:
    """What was open and due in its quarter on each of the days: source, pipeline and owner, and what it was worth."""
    for spell in spells:
        deal = spell.deal
        for back, (start, day) in same_days.items():
            if spell.is_open_on(day) and spell.due_on(day, fiscal_start) == start:
                owner = value_on(spell.changes, "owner", day, deal.owner_key, deal.crm)
                yield back, (deal.source, deal.pipeline, owner), amount_on(deal, spell.changes, day, rates)


def _targets(
    config: Config, crms: list[Crm], owners: Rows, quarters: list[date]
) -> dict[tuple[date, str, str | None], Decimal]:
    """Goals for the won amount, by quarter, grain and value."""
    said: dict[tuple[date, str, tuple[str | None, str]], dict[str, Decimal]] = defaultdict(dict)
    for goal in config.goals:
        if goal["goal"] != "won_amount":
            continue
        pipeline, _, owner = place_of(goal, crms, owners)
        source = goal.get("source")
        whose = ("owner", owner) if owner else ("pipeline", f"{source}:{pipeline}")
        whose = ("team", goal["team"]) if "team" in goal else whose
        for quarter in quarters:
            for period, when in _asked_of(goal, quarter, config.fiscal_year_starts):
                said[quarter, whose[0], (source, str(whose[1]))][f"{period} {when}"] = Decimal(goal["target"])
    targets: dict[tuple[date, str, str | None], Decimal] = defaultdict(Decimal)
    for (quarter, grain, (source, value)), goals in said.items():
        whole = [target for name, target in goals.items() if name.startswith("quarter")]
        target = sum(whole or goals.values(), Decimal(0)).quantize(CENT)
        targets[quarter, grain, value] += target
        if grain == "pipeline":
            targets[quarter, "source", source] += target
            targets[quarter, "all", "all"] += target
    teams: Callable[[str], str | None] = {row["owner_key"]: row["team"] for row in owners}.get
    of_owners: dict[tuple[date, str, str | None], Decimal] = defaultdict(Decimal)
    for (quarter, grain, one), target in targets.items():
        if grain == "owner" and one and teams(one):
            of_owners[quarter, "team", teams(one)] += target
    return {**of_owners, **targets}


def _asked_of(goal: dict[str, str], quarter: date, fiscal_start: int) -> Iterator[tuple[str, date]]:
    if "quarter" in goal:
        year, number = fiscal_quarter(quarter, fiscal_start)
        if goal["quarter"] in ("every", f"{year}-Q{number}"):
            yield "quarter", quarter
        return
    first, _, last = goal.get("month", "every").partition("..")
    month = quarter
    for _ in range(3):
        if first == "every" or first <= f"{month:%Y-%m}" <= (last or first):
            yield "month", month
        month = next_month(month)
