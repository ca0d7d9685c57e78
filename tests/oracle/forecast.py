"""`mart_forecast` and its backtest, each forecast worked out by itself (domain.md, What a careful analyst adds).

What a deal open on a day brings is judged by the deals that were open on earlier days: every month-end, or for today's
forecast the same day of earlier months.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from statistics import fmean
from typing import Any, NamedTuple

from .changes import Change, changes_of, value_on, worth_on
from .deals import Deal
from .money import Rates
from .transition import Transition
from .words import shown_now

Rows = list[dict[str, Any]]
Traits = tuple[str | None, str, int]
HORIZON = 6
ENOUGH = 30
LEVEL = 0.8
NORMAL = 1.2816
BANDS = (7, 14, 28, 56, 112, 224)
#: What deals are compared by, the finest first: stage, expected close, age.
COMPARED = ((0, 1, 2), (0, 1), (0, 2), (0,), (2,), ())


@dataclass(frozen=True)
class Standing:
    """A deal that was open at the end of a day, and how that stay ended."""

    day: date
    place: tuple[str, str]
    traits: Traits
    amount: Decimal | None
    outcome: str | None
    months_to_end: int | None
    won_amount: Decimal


class Fate(NamedTuple):
    """What is learnt from a deal that was open on a day: what it was like, and how that stay ended."""

    month: int
    traits: Traits
    outcome: str | None
    months_to_end: int | None

    def ended_within(self, months: int) -> bool:
        """Whether the stay ended at most so many months ahead."""
        return self.months_to_end is not None and self.months_to_end <= months


@dataclass(frozen=True)
class Forecast:
    """What was expected of the deals of one pipeline, open on one day, for one month."""

    day: date
    place: tuple[str, str]
    months: int
    row: dict[str, Any]
    deviation: float | None

    @property
    def known_from(self) -> int:
        """The month at whose end its outcome was known."""
        return month_number(self.day) + self.months

    @property
    def error_in_deviations(self) -> float | None:
        """How far off it was, if anything could be off."""
        if not self.deviation or self.row["expected_amount"] is None:
            return None
        return abs(float(self.row["actual_amount"]) - self.row["expected_amount"]) / self.deviation


def month_number(day: date) -> int:
    """Months since year 0."""
    return day.year * 12 + day.month


def forecasts(deals: list[Deal], rates: Rates, as_of_day: date) -> tuple[Rows, Rows]:
    """The rows of `mart_forecast` and of `mart_forecast_backtest`; deals are all of them, deleted ones too."""
    first_day = min((deal.opened_on for deal in deals), default=as_of_day)
    tells = _tells(deals)
    histories = [(deal, changes_of(deal)) for deal in deals]
    wins = _wins(deals, rates)
    month_ends = [day for day in _days(first_day, as_of_day, 31) if day < as_of_day]
    same_days = list(_days(first_day, as_of_day, as_of_day.day))
    past = [one for deal, changes in histories for one in _standings(deal, changes, month_ends, tells, rates)]
    alike = [one for deal, changes in histories for one in _standings(deal, changes, same_days, tells, rates)]
    first: dict[tuple[str, str], date] = {}
    for one in past + alike:
        first[one.place] = min(one.day, first.get(one.place, one.day))
    told = [
        forecast
        for place in sorted(first)
        for day in month_ends
        if day >= first[place]
        for forecast in _forecast(past, place, day, range(1, HORIZON + 1), lag=0, wins=wins)
    ]
    over = [one for one in told if one.known_from < month_number(as_of_day)]
    today = [
        forecast
        for place in sorted(first)
        for forecast in _forecast(alike, place, as_of_day, range(HORIZON + 1), lag=1, wins=wins)
    ]
    return [_with_interval(one, over, lag=1) for one in today], [_backtest_row(one, over) for one in over]


def _days(first_day: date, last: date, day_of_month: int) -> Iterator[date]:
    """That day of every month, the last one of shorter months."""
    for number in range(month_number(first_day), month_number(last) + 1):
        year, month = divmod(number - 1, 12)
        yield date(year, month + 1, min(day_of_month, monthrange(year, month + 1)[1]))


def _tells(deals: list[Deal]) -> set[tuple[str, str]]:
    """Sources whose logs or versions tell of a field."""
    return {
        (deal.source, change.field)
        for deal in deals
        for change in changes_of(deal)
        if change.evidence in ("logged", "versioned")
    }


def _wins(deals: list[Deal], rates: Rates) -> dict[tuple[str, str], list[tuple[date, Decimal]]]:
    """Per pipeline (of today) the days and amounts of wins out of the open pipeline, where an amount is known."""
    wins = defaultdict(list)
    for deal in deals:
        changes = changes_of(deal)
        for before, after in zip([None, *deal.counted], deal.counted, strict=False):
            was_open = before is None or before.stage.outcome is None
            is_there = deal.deleted_at is None or after.at <= deal.deleted_at
            if was_open and after.stage.outcome == "won" and is_there:
                day = max(deal.crm.local_date(after.at), deal.opened_on)
                amount = worth_on(deal, changes, day, rates)
                if amount is not None:
                    wins[deal.source, deal.pipeline].append((day, amount))
    return wins


def _standings(
    deal: Deal, changes: list[Change], days: list[date], tells: set[tuple[str, str]], rates: Rates
) -> Iterator[Standing]:
    """The deal on each of the days at whose end it was open."""
    crm = deal.crm
    deleted_on = crm.local_date(deal.deleted_at) if deal.deleted_at else None
    for day in days:
        if day < deal.there_from or (deleted_on and deleted_on <= day):
            continue
        until = [one for one in deal.counted if max(crm.local_date(one.at), deal.opened_on) <= day]
        last = until[-1] if until else None
        if last and last.stage.outcome:
            continue
        since = _opened_on(deal, until)
        outcome, end = _end(deal, deal.counted[len(until) :])
        history_tells = last is not None and last.evidence in ("logged", "versioned")
        is_delivered = _first_delivered_on(deal) <= day
        expected = None
        if is_delivered or (history_tells and (deal.source, "expected_close_on") in tells):
            now = shown_now(crm, deal.id, "expected_close_on")
            text = value_on(changes, "expected_close_on", day, now, crm)
            expected = date.fromisoformat(text) if text else None
        amount = None
        if is_delivered or (history_tells and (deal.source, "amount") in tells):
            amount = worth_on(deal, changes, day, rates)
        won_amount = worth_on(deal, changes, end, rates) if outcome == "won" and end else None
        yield Standing(
            day=day,
            place=(deal.source, last.stage.pipeline if last else deal.pipeline),
            traits=(
                last.stage.name if last and last.evidence != "inferred" else None,
                _bucket(expected, day),
                sum((day - since).days >= bound for bound in BANDS),
            ),
            amount=amount,
            outcome=outcome,
            months_to_end=month_number(end) - month_number(day) if end else None,
            won_amount=won_amount or Decimal(0),
        )


def _first_delivered_on(deal: Deal) -> date:
    """When a row of it was first delivered, or what else told of it."""
    record = deal.crm.deals.get(deal.id)
    told = [event.order[0] for event in deal.crm.events.get(deal.id, [])]
    moment = record.first_delivered_at if record else min(told, default=deal.crm.as_of)
    return deal.crm.local_date(moment)


def _opened_on(deal: Deal, until: list[Transition]) -> date:
    """The day on which its present stay in the open pipeline began."""
    reopened = [after for before, after in pairwise(until) if before.stage.outcome and not after.stage.outcome]
    if reopened:
        return max(deal.crm.local_date(reopened[-1].at), deal.opened_on)
    return deal.opened_on


def _end(deal: Deal, later: list[Transition]) -> tuple[str | None, date | None]:
    """How and when the stay ended: the first outcome after it, unless the deal was deleted before."""
    for transition in later:
        if transition.stage.outcome and (deal.deleted_at is None or transition.at <= deal.deleted_at):
            return transition.stage.outcome, max(deal.crm.local_date(transition.at), deal.opened_on)
    if deal.deleted_at:
        return "deleted", max(deal.crm.local_date(deal.deleted_at), deal.opened_on)
    return None, None


def _bucket(expected: date | None, day: date) -> str:
    if expected is None:
        return "none"
    if expected < day:
        return "overdue"
    ahead = month_number(expected) - month_number(day)
    return str(ahead) if ahead <= 3 else "later"


def _forecast(
    standings: list[Standing],
    place: tuple[str, str],
    day: date,
    months_ahead: range,
    lag: int,
    wins: dict[tuple[str, str], list[tuple[date, Decimal]]],
) -> Iterator[Forecast]:
    """Every month ahead; `lag`: 1 if the day's own month is not over."""
    of_place = [one for one in standings if one.place == place]
    open_now = [one for one in of_place if one.day == day]
    earlier = Counter(
        Fate(month_number(one.day), one.traits, one.outcome, one.months_to_end) for one in of_place if one.day < day
    )
    won = [amount for on, amount in wins.get(place, []) if month_number(on) <= month_number(day)]
    assumed = float(sum(won)) / len(won) if won else 0.0
    groups: dict[Traits, list[Standing]] = defaultdict(list)
    for one in open_now:
        groups[one.traits].append(one)
    known = [one for one in open_now if one.amount is not None]
    for months in months_ahead:
        deals = amount = variance = 0.0
        for traits, group in groups.items():
            odds = _odds(earlier, traits, month_number(day) - lag, months, start=min(months_ahead))
            if odds is None:
                deals = math.nan
                break
            probability, followed = odds
            values = [assumed if one.amount is None else float(one.amount) for one in group]
            cautious = (probability * followed + 0.5) / (followed + 1)
            deals += len(group) * probability
            amount += sum(values) * probability
            spread = sum(value * value for value in values) + sum(values) ** 2 / (followed + 2)
            variance += spread * cautious * (1 - cautious)
        is_known = not math.isnan(deals)
        won_then = [one for one in open_now if one.outcome == "won" and one.months_to_end == months]
        year, month = divmod(month_number(day) + months - 1, 12)
        row = {
            "forecast_on": day,
            "source": place[0],
            "pipeline": place[1],
            "month": date(year, month + 1, 1),
            "months_ahead": months,
            "open_deals": len(open_now),
            "open_amount": sum((one.amount for one in known if one.amount is not None), Decimal(0)),
            "deals_without_amount": len(open_now) - len(known),
            "assumed_amount": (len(open_now) - len(known)) * assumed,
            "expected_deals": deals if is_known else None,
            "expected_amount": amount if is_known else None,
            "actual_deals": len(won_then),
            "actual_amount": sum((one.won_amount for one in won_then), Decimal(0)),
        }
        yield Forecast(day, place, months, row, math.sqrt(variance) if is_known else None)


def _odds(earlier: Counter[Fate], traits: Traits, last_month: int, months: int, start: int) -> tuple[float, int] | None:
    """Aalen-Johansen by month, of the finest comparison with enough deals: the probability, and how many were followed.

    `last_month` is the last one that was over.
    """
    for compared in COMPARED:
        alike = {
            fate: deals
            for fate, deals in earlier.items()
            if all(fate.traits[trait] == traits[trait] for trait in compared)
        }
        still_open, probability, followed = 1.0, 0.0, 0
        for step in range(start, months + 1):
            seen = {fate: deals for fate, deals in alike.items() if fate.month + step <= last_month}
            there = {fate: deals for fate, deals in seen.items() if not fate.ended_within(step - 1)}
            won, lost, deleted = (
                sum(deals for fate, deals in there.items() if fate.months_to_end == step and fate.outcome == outcome)
                for outcome in ("won", "lost", "deleted")
            )
            at_risk = sum(there.values()) - deleted
            gone = sum(deals for fate, deals in seen.items() if fate.outcome == "deleted" and fate.ended_within(step))
            followed = sum(seen.values()) - gone
            probability = still_open * won / at_risk if at_risk else 0.0
            still_open *= 1 - (won + lost) / at_risk if at_risk else 1.0
        if followed >= (ENOUGH if compared else 1):
            return probability, followed
    return None


def _with_interval(forecast: Forecast, over: list[Forecast], lag: int) -> dict[str, Any]:
    """Its row, as wide as earlier errors of the pipeline, at most as many months ahead, ask for."""
    expected, deviation = forecast.row["expected_amount"], forecast.deviation
    if expected is None or deviation is None:
        return {**forecast.row, "low_amount": None, "high_amount": None}
    errors = sorted(
        one.error_in_deviations
        for one in over
        if one.place == forecast.place
        and one.months <= max(forecast.months, 1)
        and one.known_from <= month_number(forecast.day) - lag
        and one.error_in_deviations is not None
    )
    width = NORMAL
    if errors:
        wanted = math.ceil(round((len(errors) + 1) * LEVEL, 9))
        width = errors[wanted - 1] if wanted <= len(errors) else max(errors[-1], NORMAL)
    return {
        **forecast.row,
        "low_amount": max(0.0 if expected >= 0 else -math.inf, expected - width * deviation),
        "high_amount": expected + width * deviation,
    }


def _backtest_row(forecast: Forecast, over: list[Forecast]) -> dict[str, Any]:
    """With its error, and the naive forecasts of the same."""
    row = _with_interval(forecast, over, lag=0)
    same = [one for one in over if (one.place, one.months) == (forecast.place, forecast.months)]
    now = month_number(forecast.day)
    last_year = [one.row["actual_amount"] for one in same if month_number(one.day) == now - 12]
    trailing = [float(one.row["actual_amount"]) for one in same if now - 12 < one.known_from <= now]
    expected = row["expected_amount"]
    return {
        **row,
        "is_within_interval": None
        if row["low_amount"] is None
        else row["low_amount"] - 0.005 <= float(row["actual_amount"]) <= row["high_amount"] + 0.005,
        "error": None if expected is None else expected - float(row["actual_amount"]),
        "last_year_amount": last_year[0] if last_year else None,
        "trailing_mean_amount": fmean(trailing) if trailing else None,
    }
