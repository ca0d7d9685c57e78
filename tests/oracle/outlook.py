"""`mart_deal_outlook` and `mart_outlook_calibration` (domain.md, Outlook, quarter, restatements)."""

from __future__ import annotations

import math
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from .deals import Deal
from .dimensions import stage_odds
from .forecast import Past
from .hygiene import Violation
from .odds import FOLLOWED, Chance, Odds, Standing, combined, month_number, said_within
from .scores import severity
from .stage_metrics import first_time_at_most, kaplan_meier
from .visits import Visit

Rows = list[dict[str, Any]]
HORIZONS = ("this_month", "next_month", "this_quarter", "ever")
COMPARED_BY = (
    "stage, close_bucket, age_band",
    "stage, close_bucket",
    "stage, age_band",
    "stage",
    "age_band",
    "pipeline",
)
#: What makes losing a deal likeliest comes first.
WORST_FIRST = [
    "inactive_owner",
    "missing_owner",
    "past_close_date",
    "stuck_in_stage",
    "stale_deal",
    "pushed_too_often",
    "no_next_activity",
    "missing_close_date",
    "missing_amount",
    "negative_amount",
    "amount_outlier",
]
NORMAL = 1.959963984540054


class Outlook(NamedTuple):
    """Odds of one deal at one horizon: of what falls into it, and of being open at its end."""

    ours: float
    crm: float | None
    base: float
    won: float
    lost: float
    still_open: float


def deal_outlook(
    deals: Iterable[Deal], visits: Iterable[Visit], violations: Iterable[Violation], past: Past, fiscal_start: int
) -> Rows:
    """One row per open deal."""
    visits = list(visits)
    open_visits = {visit.deal.key: visit for visit in visits if visit.outcome == "open"}
    spells: dict[Any, list[tuple[int, bool]]] = defaultdict(list)
    for one in visits:
        spells[one.stage].append((one.days_in_stage, one.outcome != "open"))
    curves = {stage: kaplan_meier(of_stage) for stage, of_stage in spells.items()}
    broken: dict[str, list[Violation]] = defaultdict(list)
    for violation in violations:
        broken[violation.record_key].append(violation)
    today = {one.deal_key: one for one in past.at_same_days if one.day == past.as_of_day}
    rows = []
    for deal in deals:
        if deal.status != "open":
            continue
        curve = curves.get(deal.stage, [])
        quantiles = [first_time_at_most(curve, Fraction(left, 100)) for left in (50, 25, 10)]
        visit = open_visits.get(deal.key)
        days = float(visit.days_in_stage) if visit else None
        reasons = _reasons(broken[deal.key], deal.close_date_pushes, days, quantiles)
        touched = deal.last_touch_at
        rows.append(
            {
                "deal_key": deal.key,
                "source": deal.source,
                "pipeline": deal.pipeline,
                "stage": deal.stage.name if deal.stage else None,
                "owner_key": deal.owner_key,
                "as_of_on": past.as_of_day,
                "amount_reporting": deal.amount_reporting,
                "expected_close_on": deal.expected_close_on,
                **_odds_now(today.get(deal.key), past, fiscal_start, deal.expected_close_on),
                "crm_probability": deal.crm.deal_odds.get(
                    deal.id, stage_odds(deal.crm, deal.stage) if deal.stage else None
                ),
                "days_in_stage": days,
                **dict(zip(("stage_median_days", "stage_p75_days", "stage_p90_days"), quantiles, strict=True)),
                "days_since_touch": (past.as_of_day - deal.crm.local_date(touched)).days if touched else None,
                "close_date_pushes": deal.close_date_pushes,
                "next_activity_at": deal.next_activity_at,
                "reason_ids": ", ".join(reasons) or None,
                "reason_count": len(reasons),
            }
        )
    return rows


def _reasons(broken: list[Violation], pushes: int, days: float | None, quantiles: list[float | None]) -> list[str]:
    """Warnings before notes, each in the order of WORST_FIRST; then what no rule forbids."""
    places = {rule: place for place, rule in enumerate(WORST_FIRST)}
    broken = sorted(broken, key=lambda one: (severity(one) == "info", places.get(one.rule, len(places)), one.rule))
    rules = [one.rule for one in broken]
    reasons = list(rules)
    _, p75, p90 = quantiles
    if days is not None and "stuck_in_stage" not in rules and p75 is not None and days > p75:
        reasons.append("older_than_p90" if p90 is not None and days > p90 else "older_than_p75")
    if pushes and "pushed_too_often" not in rules:
        reasons.append("pushed")
    return reasons


def _odds_now(one: Standing | None, past: Past, fiscal_start: int, expected: date | None) -> dict[str, Any]:
    names = [
        f"p_{kind}{when}" for when in ("_this_month", "_next_month", "_this_quarter", "") for kind in ("won", "lost")
    ]
    names += [f"p_open{when}" for when in ("_after_this_month", "_after_next_month", "_after_this_quarter", "")]
    row: dict[str, Any] = dict.fromkeys(
        [*names, "slip_probability", "our_p_won", "our_weight", "compared_by", "compared_deals"]
    )
    odds = past.odds_at_same_days
    chances = odds.of(one.place, one.day, one.traits) if one else []
    if one is None or not chances:
        is_late = expected is not None and expected < past.as_of_day
        return row | {"slip_probability": 1.0} if is_late else row
    weight = past.weights.ours(one.place[0], month_number(one.day) - 1)
    found = dict(outlooks(one, odds, weight, fiscal_start))
    for horizon, outlook in found.items():
        when = "" if horizon == "ever" else f"_{horizon}"
        row |= {f"p_won{when}": outlook.won, f"p_lost{when}": outlook.lost}
        row[f"p_open_after{when}" if when else "p_open"] = outlook.still_open
    own_weight = 1.0 if one.traits[1] == "none" else weight
    return row | {
        "slip_probability": _slips(one, chances, own_weight, expected),
        "our_p_won": found["ever"].ours,
        "our_weight": weight,
        "compared_by": COMPARED_BY[chances[0].level - 1],
        "compared_deals": chances[0].followed,
    }


def _slips(one: Standing, chances: list[Chance], weight: float, expected: date | None) -> float | None:
    """1 - won by the expected close; a month's odds are spread evenly over its days, today's over what is left."""
    if expected is None:
        return None
    if one.expected_step is None:
        return 1.0
    end = monthrange(expected.year, expected.month)[1]
    won = 0.0
    for chance in chances:
        if chance.step < one.expected_step:
            won += chance.won
        elif chance.step == one.expected_step:
            passed, days = (expected.day, end) if chance.step else (expected.day - one.day.day, end - one.day.day)
            won += chance.won * (passed / days if days else 1.0)
    return 1 - combined(won, one.crm_probability, weight)


def outlooks(one: Standing, odds: Odds, weight: float, fiscal_start: int) -> Iterator[tuple[str, Outlook]]:
    """Each horizon that deals were followed to."""
    chances, base = odds.of(one.place, one.day, one.traits), odds.of(one.place, one.day, None)
    first = odds.first_step
    if not chances:
        return
    is_dated = one.traits[1] != "none"
    weight = weight if is_dated else 1.0
    for horizon in HORIZONS:
        start, end = span(horizon, month_number(one.day), first, fiscal_start)
        if horizon != "ever" and chances[-1].step < end:
            continue
        won, lost = (sum(getattr(c, kind) for c in chances if start <= c.step <= end) for kind in ("won", "lost"))
        won_by, lost_by = (sum(getattr(c, kind) for c in chances if c.step <= end) for kind in ("won", "lost"))
        if horizon == "ever":
            p = one.crm_probability
            said = {"won": p, "lost": None if p is None else 1 - p}
            said_by = said
        else:
            said = {kind: said_within(one.kind, start, end, kind) for kind in ("won", "lost")}
            said_by = {kind: said_within(one.kind, first, end, kind) for kind in ("won", "lost")}
        gone = combined(won_by, said_by["won"], weight) + combined(lost_by, said_by["lost"], weight)
        yield (
            horizon,
            Outlook(
                ours=won,
                crm=said["won"],
                base=sum(c.won for c in base if start <= c.step <= end),
                won=combined(won, said["won"], weight),
                lost=combined(lost, said["lost"], weight),
                still_open=max(0.0, 1 - gone),
            ),
        )


def span(horizon: str, month: int, first: int, fiscal_start: int) -> tuple[int, int]:
    """Months ahead, from and to; a month-end's own month is over."""
    begins = month + first
    quarter_end = next(m for m in range(begins, begins + 3) if (m - fiscal_start) % 3 == 2)
    return {
        "this_month": (first, first),
        "next_month": (first + 1, first + 1),
        "this_quarter": (first, quarter_end - month),
        "ever": (first, FOLLOWED),
    }[horizon]


def calibration(past: Past, fiscal_start: int) -> Rows:
    """One row per month-end, horizon, odds and bin of predicted odds."""
    now = month_number(past.as_of_day)
    bins: dict[tuple[date, str, str, int], list[tuple[float, float, Outlook]]] = defaultdict(list)
    for one in past.at_month_ends:
        month = month_number(one.day)
        weight = past.weights.ours(one.place[0], month)
        for horizon, outlook in outlooks(one, past.odds_at_month_ends, weight, fiscal_start):
            came = _came(one, horizon, span(horizon, month, 1, fiscal_start), month, now)
            if came is None:
                continue
            for odds, predicted in (
                ("ours", outlook.ours),
                ("crm", outlook.crm),
                ("combined", outlook.won),
                ("base", outlook.base),
            ):
                if predicted is not None:
                    number = min(9, math.floor(round(predicted, 9) * 10)) + 1
                    bins[one.day, horizon, odds, number].append((predicted, came, outlook))
    return [_calibration_row(key, judged) for key, judged in bins.items()]


def _came(one: Standing, horizon: str, months: tuple[int, int], month: int, now: int) -> float | None:
    """1 if it was won in these months, None where that is not known."""
    start, end = months
    if horizon == "ever":
        has_ended = one.outcome in ("won", "lost") and month + (one.months_to_end or 0) < now
        if month + 12 >= now or not has_ended:
            return None
    elif month + end >= now or (one.outcome == "deleted" and one.ended_within(end)):
        return None
    return float(one.outcome == "won" and one.months_to_end is not None and start <= one.months_to_end <= end)


def _calibration_row(key: tuple[date, str, str, int], judged: list[tuple[float, float, Outlook]]) -> dict[str, Any]:
    number = len(judged)
    share = sum(came for _, came, _ in judged) / number
    brier = sum((predicted - came) ** 2 for predicted, came, _ in judged) / number
    of_combined = sum((outlook.won - came) ** 2 for _, came, outlook in judged) / number
    of_base = sum((outlook.base - came) ** 2 for _, came, outlook in judged) / number
    # the roots of (share - p)² = z² p (1 - p) / number
    a, b, c = 1 + NORMAL**2 / number, -(2 * share + NORMAL**2 / number), share**2
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return {
        **dict(zip(("cut_on", "horizon", "odds", "bin"), key, strict=True)),
        "deals": number,
        "predicted_mean": sum(predicted for predicted, _, _ in judged) / number,
        "observed_rate": share,
        "observed_low": (-b - root) / (2 * a),
        "observed_high": (-b + root) / (2 * a),
        "brier": brier,
        "combined_brier": of_combined,
        "base_brier": of_base,
        "skill": 1 - brier / of_base if of_base >= 1e-12 else None,
    }
