"""Simulated deals of which the truth is known, and what a night makes of them while many are still open.

`python benchmarks/known_truth.py --companies 20 --deals 4000`. Companies that are alike, each a pipeline of its own, so
that chance can be told from bias. Exit status: 0; 1 the intervals hold the truth too rarely; 3 the run failed.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import fmean

import duckdb

BENCHMARKS = Path(__file__).resolve().parent
OUT = BENCHMARKS / "out" / "known_truth"
FIRST_DAY = date(2025, 1, 1)
LAST_DAY = date(2026, 1, 1)
DAYS = (LAST_DAY - FIRST_DAY).days
#: At which the probability of being won is looked at.
AGE = 240


@dataclass(frozen=True)
class Stage:
    """Whole days in a stage are an exponential time of mean `scale`, rounded up; then the deal advances or is lost."""

    name: str
    canonical: str
    scale: float
    advances: float

    def duration(self, chance: random.Random) -> int:
        """How long one visit takes, at least a day."""
        return max(1, math.ceil(chance.expovariate(1 / self.scale)))

    def share_that_takes(self, days: int) -> float:
        """Of all visits, those that take exactly so many days."""
        return math.exp(-(days - 1) / self.scale) - math.exp(-days / self.scale) if days > 0 else 0.0

    @property
    def median(self) -> int:
        """The first day by which half of all visits have ended."""
        return math.ceil(self.scale * math.log(2))

    @property
    def mean(self) -> float:
        """Mean days of all visits."""
        return 1 / (1 - math.exp(-1 / self.scale))


STAGES = (
    Stage("New", "prospecting", 14, 0.65),
    Stage("Demo", "demo", 29, 0.70),
    Stage("Offer", "proposal", 58, 0.75),
)

#: Share of all deals that are won in the end.
WON = math.prod(stage.advances for stage in STAGES)

CONFIGURATION = """\
timezone: UTC
currency: EUR
sources:
  - name: simulated
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns: {{deal_id: deal, pipeline: pipeline, stage: stage, created_at: created}}
      deal_changes:
        entity: deal_changes
        files: ["changes_*.csv"]
        columns: {{deal_id: deal, field: field, old_value: old, new_value: new, changed_at: at}}
    pipelines:
{pipelines}
"""


def won_by(age: int) -> float:
    """The true probability of being won by an age: all stages passed, and their days add up to it at most."""
    shares = [1.0] + [0.0] * age
    for stage in STAGES:
        takes = [stage.share_that_takes(days) for days in range(age + 1)]
        shares = [sum(shares[day - days] * takes[days] for days in range(day + 1)) for day in range(age + 1)]
    return WON * sum(shares)


def write(folder: Path, companies: int, deals: int, seed: int = 1) -> Path:
    """Writes the extracts as they stand on the last day; returns the configuration's path."""
    landing = folder / "landing" / "simulated"
    landing.mkdir(parents=True)
    chance = random.Random(seed)
    rows: list[tuple[str, ...]] = []
    changes: list[tuple[str, ...]] = []
    for company in range(1, companies + 1):
        for number in range(1, deals + 1):
            deal = f"{company}-{number}"
            created = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
            stage = STAGES[0].name
            for day, entered in _life(chance, created):
                if day > LAST_DAY:
                    break
                changes.append((deal, "stage", stage, entered, _noon(day)))
                stage = entered
            rows.append((deal, f"Company {company}", stage, _noon(created)))
    _write_csv(landing / f"deals_{LAST_DAY}.csv", ("deal", "pipeline", "stage", "created"), rows)
    _write_csv(landing / f"changes_{LAST_DAY}.csv", ("deal", "field", "old", "new", "at"), changes)
    stages = ", ".join(f"{{name: {stage.name}, canonical: {stage.canonical}}}" for stage in STAGES)
    pipelines = "\n".join(
        f"      - {{name: Company {company}, stages: [{stages}]}}" for company in range(1, companies + 1)
    )
    configuration = folder / "pipeline.yml"
    configuration.write_text(CONFIGURATION.format(pipelines=pipelines), encoding="utf-8")
    return configuration


def _life(chance: random.Random, created: date) -> Iterator[tuple[date, str]]:
    """When the deal enters what, after its first stage, to its end."""
    day = created
    for stage, following in zip(STAGES, [*(stage.name for stage in STAGES[1:]), "Won"], strict=True):
        day += timedelta(days=stage.duration(chance))
        if chance.random() >= stage.advances:
            yield day, "Lost"
            return
        yield day, following


def _noon(day: date) -> str:
    return f"{datetime(day.year, day.month, day.day, 12).isoformat()}Z"


def _write_csv(path: Path, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([headings, *rows])


def run(folder: Path, configuration: Path) -> Path | None:
    """One night over them; the published database, or None if the run failed."""
    environment = {
        **os.environ,
        "PIPELINE_CONFIG": str(configuration),
        "LANDING_DIR": str(folder / "landing"),
        "WAREHOUSE_DIR": str(folder / "warehouse"),
        "AS_OF": f"{LAST_DAY}T23:00:00Z",
    }
    command = Path(sys.executable).with_name("dealtrail")
    with (folder / "run.log").open("wb") as log:
        done = subprocess.run([command, "nightly"], env=environment, stdout=log, stderr=log, check=False)
    return folder / "warehouse" / "pipeline.duckdb" if done.returncode == 0 else None


@dataclass(frozen=True)
class Figure:
    """A figure of every company, of those that ended alone and with the open ones, each beside what it should be."""

    name: str
    plain: list[float]
    plain_truth: float
    censored: list[float]
    truth: float
    intervals: list[tuple[float, float]]

    @property
    def too_low(self) -> int:
        """Companies whose plain figure is below the truth."""
        return sum(value < self.plain_truth for value in self.plain)

    @property
    def held(self) -> int:
        """Companies whose interval holds the truth."""
        return sum(low <= self.truth <= high for low, high in self.intervals)


def figures(database: Path) -> list[Figure]:
    """The median time of each stage, and the probability of being won, of all deals and of the youngest cohorts."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return [
            *(_median(connection, stage) for stage in STAGES),
            _won(connection, "all", AGE),
            *(
                # by the age that the cohort's youngest deals have come to
                _won(connection, f"{month:%Y-%m}", (LAST_DAY - _end_of(month)).days)
                for month in (date(2025, 7, 1), date(2025, 8, 1), date(2025, 9, 1))
            ),
        ]


def _end_of(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _median(connection: duckdb.DuckDBPyConnection, stage: Stage) -> Figure:
    rows = connection.execute(
        """
        select days_in_stage_median, days_in_stage_km_median, days_in_stage_km_median_low,
            coalesce(days_in_stage_km_median_high, 'infinity')
        from marts.mart_time_in_stage
        where stage = ?
        order by pipeline
        """,
        [stage.name],
    ).fetchall()
    plain, censored, low, high = zip(*rows, strict=True)
    intervals = list(zip(low, high, strict=True))
    return Figure(f"median days in {stage.name}", list(plain), stage.median, list(censored), stage.median, intervals)


def _won(connection: duckdb.DuckDBPyConnection, cohort: str, age: int) -> Figure:
    """Plain: won ÷ closed, which is read as the share that will be won; beside it what can be known by this age."""
    rows = connection.execute(
        """
        select sum(won) / sum(won + lost), max_by(won_probability, age_days) filter (age_days <= $age),
            max_by(won_probability_low, age_days) filter (age_days <= $age),
            max_by(won_probability_high, age_days) filter (age_days <= $age)
        from marts.mart_win_probability
        where cohort = $cohort
        group by pipeline
        order by pipeline
        """,
        {"cohort": cohort, "age": age},
    ).fetchall()
    plain, censored, low, high = zip(*rows, strict=True)
    intervals = [(start or 0.0, end or 1.0) for start, end in zip(low, high, strict=True)]
    return Figure(f"won, {cohort}: by day {age}", list(plain), WON, list(censored), won_by(age), intervals)


@dataclass(frozen=True)
class Foretold:
    """Odds of one horizon and bin beside what came of the deals, over all month-ends."""

    horizon: str
    bin: int
    deals: int
    predicted: float
    observed: float
    brier: float
    base_brier: float
    month_ends: int
    held: int


def calibration(database: Path, since: date = FIRST_DAY) -> list[Foretold]:
    """The outlook's combined odds at month-ends from a day on, by horizon and bin."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            """
            select horizon, bin, cast(sum(deals) as integer), sum(predicted_mean * deals) / sum(deals),
                sum(observed_rate * deals) / sum(deals), sum(brier * deals) / sum(deals),
                sum(base_brier * deals) / sum(deals), count(*),
                count(*) filter (predicted_mean between observed_low and observed_high)
            from marts.mart_outlook_calibration
            where odds = 'combined' and cut_on >= ?
            group by horizon, bin
            order by horizon, bin
            """,
            [since],
        ).fetchall()
    return [Foretold(*row) for row in rows]


def main() -> int:
    """Simulates, runs, prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--companies", type=int, default=20)
    parser.add_argument("--deals", type=int, default=4000, help="of each company")
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    configuration = write(OUT, options.companies, options.deals)
    database = run(OUT, configuration)
    if database is None:
        print(f"the run failed, see {OUT / 'run.log'}")
        return 3
    found = figures(database)
    print("| figure | ended ones alone | truth | too low in | with the open ones | truth | interval holds it in |")
    print("|---|---|---|---|---|---|---|")
    for one in found:
        print(
            f"| {one.name} | {fmean(one.plain):.3g} | {one.plain_truth:.3g} | {one.too_low} of {len(one.plain)} "
            f"| {fmean(one.censored):.3g} | {one.truth:.3g} | {one.held} of {len(one.intervals)} |"
        )
    print("\n| horizon | bin | deals | foretold | came | interval holds it at |")
    print("|---|---|---|---|---|---|")
    for told in calibration(database):
        print(
            f"| {told.horizon} | {told.bin} | {told.deals} | {told.predicted:.3f} | {told.observed:.3f} "
            f"| {told.held} of {told.month_ends} month-ends |"
        )
    held, intervals = sum(one.held for one in found), sum(len(one.intervals) for one in found)
    print(f"\nIntervals of 95 % that hold the truth: {held} of {intervals}.")
    return 0 if held >= 0.9 * intervals else 1


if __name__ == "__main__":
    sys.exit(main())
