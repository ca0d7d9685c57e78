"""Feeds and their deliveries as files, and what is wrong with a delivery beside those before it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from tests.hygiene.calendar import AS_OF
from tests.hygiene.limits import Limits
from tests.hygiene.planted import ANY, Planted
from tests.hygiene.records import Row

EMPTY_BIN = 0.0001


@dataclass
class Delivery:
    """One file. `columns`: canonical ones, in order; `others`: headings that map to nothing."""

    extracted_at: datetime
    rows: list[Row]
    columns: list[str]
    others: list[str] = field(default_factory=list)
    is_refused: bool = False
    quarantined: int = 0
    is_confirmed: bool = False
    is_json: bool = False

    @property
    def headings(self) -> list[str]:
        """Those that it shows: a list of nothing shows none."""
        if self.is_json and not self.rows:
            return []
        return [*map(heading, self.columns), *self.others]

    def text(self) -> str:
        if self.is_json:
            return json.dumps([{heading(name): row.get(name, "") for name in self.columns} for row in self.rows])
        written = io.StringIO()
        out = csv.writer(written, lineterminator="\n")
        out.writerow(self.headings)
        out.writerows([*(row.get(name, "") for name in self.columns), *("-" for _ in self.others)] for row in self.rows)
        return written.getvalue()

    @property
    def sha256(self) -> str:
        return sha256(self.text().encode()).hexdigest()

    def stages(self) -> list[str]:
        """The stage of each row that names one, with its pipeline."""
        written = [(row.get("pipeline", ""), row.get("stage", "")) for row in self.rows]
        return [" ".join([pipeline, *stage.split()]).lower() for pipeline, stage in written if stage.strip()]

    def null_share(self, column: str) -> Fraction:
        """A column that is not delivered is NULL throughout."""
        if column not in self.columns:
            return Fraction(1)
        return Fraction(sum(not row.get(column, "").strip() for row in self.rows), max(1, len(self.rows)))


@dataclass
class Feed:
    """A feed of a source with its deliveries, oldest first."""

    source: str
    name: str
    entity: str
    limits: Limits
    deliveries: list[Delivery] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return self.settings.get("deliveries") != "incremental"

    def as_yaml(self) -> dict[str, Any]:
        columns = list(dict.fromkeys(column for delivery in self.deliveries for column in delivery.columns))
        mapped = {column: heading(column) for column in columns if column.isidentifier()}
        confirmed = [delivery.sha256 for delivery in self.deliveries if delivery.is_confirmed]
        confirmations = {"confirmed": confirmed} if confirmed else {}
        return {
            "entity": self.entity,
            "files": [f"{self.name}_*.csv"],
            "columns": mapped,
            **self.settings,
            **confirmations,
        }

    def write(self, landing: Path) -> None:
        folder = landing / self.source
        folder.mkdir(parents=True, exist_ok=True)
        for delivery in self.deliveries:
            stamp = f"{delivery.extracted_at:%Y-%m-%dT%H-%M-%SZ}"
            form = "json" if delivery.is_json else "csv"
            (folder / f"{self.name}_{stamp}.{form}").write_text(delivery.text(), encoding="utf-8")

    def key(self, delivery: Delivery) -> str:
        return f"{self.source}:{self.name}:{delivery.extracted_at:%Y-%m-%dT%H:%M:%SZ}"

    def judged(self, planted: Planted) -> list[Delivery]:
        """Says which of its deliveries are refused, held back, late or odd; returns those that are loaded."""
        loaded: list[Delivery] = []
        for delivery in self.deliveries:
            usual = median(len(one.rows) for one in loaded[-7:]) if loaded else 0
            is_less = len(delivery.rows) < self.limits.min_volume_share * usual
            is_small = is_less and self.is_full and not delivery.is_confirmed
            key, near = self.key(delivery), is_less or len(delivery.rows) == self.limits.min_volume_share * usual
            planted.judge("delivery_refused", key, delivery.is_refused, "refused", "loaded", near=False)
            if delivery.is_refused:
                continue
            planted.judge("delivery_held_back", key, is_small, "held_back", "loaded", near=near)
            if not is_small:
                loaded.append(delivery)
        planted.near |= {("delivery_refused", self.key(one)) for one in loaded[-1:]}
        if loaded:
            self._judge_newest(planted, loaded)
        return loaded

    def _judge_newest(self, planted: Planted, loaded: list[Delivery]) -> None:
        *before, newest = loaded
        key = self.key(newest)
        limit = timedelta(hours=self.settings.get("max_delivery_age_hours", self.limits.max_delivery_age_hours))
        age = AS_OF - newest.extracted_at
        hours = round(age / timedelta(hours=1), 2)
        planted.judge("late_delivery", key, age > limit, hours, limit / timedelta(hours=1), near=age == limit)
        share = newest.quarantined / max(1, len(newest.rows))
        most = self.limits.max_quarantine_share
        is_too_much = share > most
        near = share == most or (is_too_much and newest.is_confirmed)
        planted.judge("quarantine_share", key, is_too_much and not newest.is_confirmed, share, most, near=near)
        if before and newest.headings and before[-1].headings:
            gone = sorted(set(before[-1].headings) - set(newest.headings))
            new = sorted(set(newest.headings) - set(before[-1].headings))
            observed = ", ".join([*(f"+{name}" for name in new), *(f"-{name}" for name in gone)])
            near = any(one.headings != newest.headings for one in before)
            allowed = "the columns of the delivery before"
            planted.judge("schema_drift", key, bool(gone or new), observed, allowed, near=near)
        self._judge_nulls(planted, before[-7:], newest)
        if self.entity == "deals":
            self._judge_mix(planted, before[-7:], newest)

    def _judge_nulls(self, planted: Planted, before: list[Delivery], newest: Delivery) -> None:
        """The worst column of those above what is allowed: a share of all cells, or so many times the usual."""
        most, ratio = Fraction(str(self.limits.max_null_share)), self.limits.max_null_share_ratio
        compared = []
        for column in newest.columns if before and newest.rows else []:
            share, usual = newest.null_share(column), median(one.null_share(column) for one in before)
            compared.append((share, max(most, ratio * usual), usual))
        if not compared:
            return
        spikes = [(share, limit) for share, limit, _ in compared if share > limit]
        is_enough = len(before) >= 3
        at_limit = any(share == most or share == ratio * usual > 0 for share, _, usual in compared)
        few = any(share > ratio * usual for share, _, usual in compared)
        near = at_limit or few or (bool(spikes) and not is_enough)
        observed, allowed = (round(float(value), 10) for value in max(spikes, default=(0, 0)))
        planted.judge("null_spike", self.key(newest), bool(spikes) and is_enough, observed, allowed, near=near)

    def _judge_mix(self, planted: Planted, before: list[Delivery], newest: Delivery) -> None:
        psi = stability([stage for one in before for stage in one.stages()], newest.stages()) if before else 0.0
        most = self.limits.max_stage_mix_psi
        is_other, is_enough = psi > most, len(before) >= 3
        near = is_other or psi > most * 0.8
        planted.judge("stage_mix_drift", self.key(newest), is_other and is_enough, ANY, most, near=near)


def heading(column: str) -> str:
    """What the files call a canonical column."""
    return column.replace("_", " ").title()


def stability(before: list[str], now: list[str]) -> float:
    """The population stability index of two samples."""
    was, is_now = Counter(before), Counter(now)
    index = 0.0
    for stage in was.keys() | is_now.keys():
        old = was[stage] / len(before) if was[stage] else EMPTY_BIN
        new = is_now[stage] / len(now) if is_now[stage] else EMPTY_BIN
        index += (new - old) * math.log(new / old)
    return index
