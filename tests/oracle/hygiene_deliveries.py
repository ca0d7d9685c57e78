"""The hygiene rules about deliveries (domain.md, Hygiene rules): refused ones, and those unlike the ones before."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from statistics import median
from typing import Any

from .crm import Crm
from .hygiene import Violation
from .hygiene_rows import rows_in_quarantine
from .landing import Delivery, Refusal
from .mapping import Row
from .stages import normalised
from .values import cents, hours_between

BASELINE = 7
FEWEST = 3
EMPTY_BIN = 0.0001
#: From so many rows on too large a share of unusable ones stops the run: nothing is published.
FEWEST_UNUSABLE = 5


def delivery_violations(crm: Crm) -> Iterator[Violation]:
    """Every delivery that was not loaded, and what is odd about the newest loaded one of each feed."""
    for refusal in crm.refused:
        yield _violation(crm, f"delivery_{refusal.state}", refusal, refusal.state, "loaded")
    for feed in crm.source.feeds:
        of_feed = [one for one in crm.deliveries if one.feed is feed]
        if of_feed:
            yield from _anomalies(crm, of_feed)


def _violation(crm: Crm, rule: str, delivery: Delivery | Refusal, observed: Any, allowed: Any) -> Violation:
    key = crm.key(f"{delivery.feed.name}:{delivery.extracted_at:%Y-%m-%dT%H:%M:%SZ}")
    return Violation(rule, key, crm.source.name, None, None, observed, allowed)


def _anomalies(crm: Crm, of_feed: list[Delivery]) -> Iterator[Violation]:
    *earlier, newest = of_feed
    hours = hours_between(newest.extracted_at, crm.as_of)
    most = newest.feed.max_delivery_age_hours or crm.config.threshold("max_delivery_age_hours")
    if hours > float(most):
        yield _violation(crm, "late_delivery", newest, cents(hours), float(most))
    share, most_share = _unusable_share(crm, newest), Fraction(crm.config.threshold("max_quarantine_share"))
    if share is not None and share > most_share:
        yield _violation(crm, "quarantine_share", newest, round(float(share), 10), float(most_share))
    if earlier:
        now, before = newest.headings, earlier[-1].headings
        drift = sorted(f"+{now[name]}" for name in now.keys() - before.keys())
        drift += sorted(f"-{before[name]}" for name in before.keys() - now.keys())
        if drift:
            yield _violation(crm, "schema_drift", newest, ", ".join(drift), "the columns of the delivery before")
    baseline = earlier[-BASELINE:]
    if len(baseline) < FEWEST:
        return
    spike = _null_spike(crm, newest, baseline)
    if spike:
        yield _violation(crm, "null_spike", newest, *spike)
    psi, most_psi = _stage_mix_psi(newest, baseline), float(crm.config.threshold("max_stage_mix_psi"))
    if psi is not None and psi > most_psi:
        yield _violation(crm, "stage_mix_drift", newest, psi, most_psi)


def _unusable_share(crm: Crm, delivery: Delivery) -> Fraction | None:
    """Of its rows, those rejected or in quarantine; None if confirmed, or so many that they stop the run."""
    unusable = delivery.rejected + len(list(rows_in_quarantine(crm, delivery)))
    rows = sum(delivery.rows_in_file.values())
    is_confirmed = any(sha256 in delivery.feed.confirmed for sha256 in delivery.rows_in_file)
    return Fraction(unusable, rows) if rows and unusable < FEWEST_UNUSABLE and not is_confirmed else None


def _null_spike(crm: Crm, newest: Delivery, baseline: list[Delivery]) -> tuple[float, float] | None:
    """The column furthest above what it may be, 5 % or three times what is usual: its share of empty cells, and that.

    It is compared with the deliveries that have it; one that is gone is a change of headings.
    """
    least, times = (Fraction(crm.config.threshold(name)) for name in ("max_null_share", "max_null_share_ratio"))
    spikes = []
    for column in {column for row in _rows(newest) for column in row}:
        share = _null_share(newest, column)
        before = [usual for usual in (_null_share(one, column) for one in baseline) if usual is not None]
        if share is None or not before:
            continue
        limit = max(least, times * median(before))
        if share > limit:
            spikes.append((share - limit, share, limit))
    if not spikes:
        return None
    _, share, limit = max(spikes)
    return round(float(share), 10), round(float(limit), 10)


def _rows(delivery: Delivery) -> list[Row]:
    """Everything that was loaded of it; a row has the columns that its file has."""
    return [*delivery.rows, *(row for _, row, _ in delivery.quarantined)]


def _null_share(delivery: Delivery, column: str) -> Fraction | None:
    cells = [row[column] for row in _rows(delivery) if column in row]
    return Fraction(cells.count(None), len(cells)) if cells else None


def _stage_mix_psi(newest: Delivery, baseline: list[Delivery]) -> float | None:
    """Population stability index of the stages that deals stand in, however they are spelled."""
    if newest.feed.entity != "deals":
        return None
    now, before = _stages([newest]), _stages(baseline)
    if not now.total() or not before.total():
        return None
    psi = 0.0
    for stage in {*now, *before}:
        actual = now[stage] / now.total() or EMPTY_BIN
        usual = before[stage] / before.total() or EMPTY_BIN
        psi += (actual - usual) * math.log(actual / usual)
    return round(psi, 10)


def _stages(deliveries: list[Delivery]) -> Counter[tuple[str, str]]:
    rows = [row for delivery in deliveries for row in _rows(delivery)]
    return Counter(
        (normalised(row.get("pipeline") or ""), normalised(stage)) for row in rows if (stage := row.get("stage"))
    )
