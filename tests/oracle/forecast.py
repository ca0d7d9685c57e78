"""`mart_forecast` and its backtest, each forecast worked out by itself (domain.md, What a careful analyst adds).

What a deal open on a day brings is judged by the deals that were open on earlier days: every month-end, or for today's
forecast the same day of earlier months (`odds.py`), and by what the CRM says itself (`weights.py`).
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from statistics import fmean
from typing import Any

from .changes import Change, changes_of, value_on, worth_on
from .deals import Deal
from .money import Rates
from .odds import HORIZON, Kind, Odds, Standing, combined, month_number, said_within
from .stages import Stage
from .transition import Transition
from .weights import Weights
from .words import shown_now

Rows = list[dict[str, Any]]
LEVEL = 0.8
NORMAL = 1.2816
BANDS = (7, 14, 28, 56, 112, 224)


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


@dataclass(frozen=True)
class Past:
    """Every deal at every month-end, and at the same day of every month; what each pipeline had won by when."""

    as_of_day: date
    month_ends: list[date]
    at_month_ends: list[Standing]
    at_same_days: list[Standing]
    wins: dict[tuple[str, str], list[tuple[date, Decimal]]]
    odds_at_month_ends: Odds
    odds_at_same_days: Odds
    weights: Weights


def read_past(deals: list[Deal], rates: Rates, as_of_day: date) -> Past:
    """Of all deals, deleted ones too."""
    first_day = min((deal.opened_on for deal in deals), default=as_of_day)
    tells = _tells(deals)
    histories = [(deal, changes_of(deal)) for deal in deals]
    month_ends = [day for day in _days(first_day, as_of_day, 31) if day < as_of_day]
    same_days = list(_days(first_day, as_of_day, as_of_day.day))
    past = [one for deal, changes in histories for one in _standings(deal, changes, month_ends, tells, rates)]
    alike = [one for deal, changes in histories for one in _standings(deal, changes, same_days, tells, rates)]
    odds = Odds(past, first_step=1)
    return Past(
        as_of_day,
        month_ends,
        past,
        alike,
        _wins(deals, rates),
        odds,
        Odds(alike, first_step=0),
        Weights(past, odds, month_number(as_of_day)),
    )


def forecasts(past: Past) -> tuple[Rows, Rows]:
    """The rows of `mart_forecast` and of `mart_forecast_backtest`."""
    as_of_day = past.as_of_day
    first: dict[tuple[str, str], date] = {}
    for one in past.at_month_ends + past.at_same_days:
        first[one.place] = min(one.day, first.get(one.place, one.day))
    told = [
        forecast
        for place in sorted(first)
        for day in past.month_ends
        if day >= first[place]
        for forecast in _forecast(past, place, day, range(1, HORIZON + 1))
    ]
    over = [one for one in told if one.known_from < month_number(as_of_day)]
    today = [forecast for place in sorted(first) for forecast in _forecast(past, place, as_of_day, range(HORIZON + 1))]
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
        stage = last.stage if last and last.evidence != "inferred" else None
        # of the deal itself they are known as they are now
        crm_odds = crm.deal_odds.get(deal.id) if day == crm.local_date(crm.as_of) else None
        yield Standing(
            deal_key=deal.key,
            day=day,
            place=(deal.source, last.stage.pipeline if last else deal.pipeline),
            traits=(
                stage.name if stage else None,
                _bucket(expected, day),
                sum((day - since).days >= bound for bound in BANDS),
            ),
            crm_probability=crm_odds if crm_odds is not None else _stage_odds(stage),
            expected_step=month_number(expected) - month_number(day) if expected and expected >= day else None,
            amount=amount,
            outcome=outcome,
            months_to_end=month_number(end) - month_number(day) if end else None,
            won_amount=won_amount or Decimal(0),
        )


def _stage_odds(stage: Stage | None) -> float | None:
    return stage.win_probability if stage and stage.is_configured else None


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


def _forecast(past: Past, place: tuple[str, str], day: date, months_ahead: range) -> Iterator[Forecast]:
    """Every month ahead; today's from its own month on, which is not over."""
    is_today = months_ahead.start == 0
    standings, odds = (
        (past.at_same_days, past.odds_at_same_days) if is_today else (past.at_month_ends, past.odds_at_month_ends)
    )
    open_now = [one for one in standings if one.place == place and one.day == day]
    now = month_number(day)
    weight = past.weights.ours(place[0], now - is_today)
    won = [amount for on, amount in past.wins.get(place, []) if month_number(on) <= now]
    assumed = float(sum(won)) / len(won) if won else 0.0
    groups: dict[Kind, list[Standing]] = defaultdict(list)
    for one in open_now:
        groups[one.kind].append(one)
    known = [one for one in open_now if one.amount is not None]
    for months in months_ahead:
        deals = amount = variance = 0.0
        for kind, group in groups.items():
            chance = {one.step: one for one in odds.of(place, day, kind.traits)}.get(months)
            if chance is None:
                deals = math.nan
                break
            probability = combined(chance.won, said_within(kind, months, months), weight)
            values = [assumed if one.amount is None else float(one.amount) for one in group]
            cautious = (probability * chance.followed + 0.5) / (chance.followed + 1)
            deals += len(group) * probability
            amount += sum(values) * probability
            spread = sum(value * value for value in values) + sum(values) ** 2 / (chance.followed + 2)
            variance += spread * cautious * (1 - cautious)
        is_known = not math.isnan(deals)
        won_then = [one for one in open_now if one.outcome == "won" and one.months_to_end == months]
        year, month = divmod(now + months - 1, 12)
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
            "crm_amount": _crm_amount(open_now, months, assumed),
            "actual_deals": len(won_then),
            "actual_amount": sum((one.won_amount for one in won_then), Decimal(0)),
        }
        yield Forecast(day, place, months, row, math.sqrt(variance) if is_known else None)


def _crm_amount(open_now: list[Standing], months: int, assumed: float) -> float | None:
    """What the CRM itself would say."""
    said = [(one, said_within(one.kind, months, months)) for one in open_now]
    values = [(assumed if one.amount is None else float(one.amount)) * odds for one, odds in said if odds is not None]
    return sum(values) if values else None


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
