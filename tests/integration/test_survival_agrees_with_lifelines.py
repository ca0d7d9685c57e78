"""Kaplan-Meier and Aalen-Johansen in SQL against lifelines and by hand.

Small inputs are handed to the very statements a night runs: they are compiled once and read hand-made tables. Then
every curve of the sample and of a real extract is fitted again.
"""

from __future__ import annotations

import random
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from lifelines.exceptions import StatisticalWarning
from lifelines.utils import median_survival_times, qth_survival_time

from dagster_project.config.load import Settings, read_configuration
from dagster_project.transform.project import target_dir
from tests.conftest import PROJECT, Warehouse
from tests.integration.test_dbt_unit_tests import dbt

AS_OF = date(2026, 1, 1)
#: Length in days, and whether it has ended.
Spell = tuple[int, bool]
#: Age in days, and how it stands.
Deal = tuple[int, str]
KINDS = {"open": 0, "won": 1, "lost": 2}


def near(expected: Any) -> Any:
    """Equal but for the last digits of two ways to reckon."""
    return pytest.approx(expected, rel=1e-9, abs=1e-12)


class Models:
    """Compiled models on hand-made tables."""

    def __init__(self, statements: dict[str, str]) -> None:
        self.statements = statements

    def rows(self, model: str, **tables: tuple[str, list[tuple[Any, ...]]]) -> list[dict[str, Any]]:
        """What a model makes of these inputs: table → its columns with types, and rows."""
        with duckdb.connect() as connection:
            connection.execute("attach ':memory:' as pipeline; attach ':memory:' as work")
            connection.execute("create schema pipeline.marts; create schema work.staging")
            for name, (columns, rows) in {**tables, "run": RUN}.items():
                table = "work.staging.stg_config__run" if name == "run" else f"pipeline.marts.{name}"
                connection.execute(f"create table {table} ({columns})")
                if rows:
                    places = ", ".join("?" for _ in rows[0])
                    connection.executemany(f"insert into {table} values ({places})", rows)
            found = connection.execute(self.statements[model])
            names = [column[0] for column in found.description or []]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def time_in_stage(self, stages: dict[str, list[Spell]]) -> dict[str, dict[str, Any]]:
        """`mart_time_in_stage` of these visits, by stage."""
        rows = self.rows("mart_time_in_stage", dim_stages=_stages(stages), fct_stage_visits=_visits(stages))
        return {row["stage"]: row for row in rows}

    def stage_metrics(self, stages: dict[str, list[Spell]]) -> dict[str, dict[str, Any]]:
        """`mart_stage_metrics` of these visits, all of one month, by stage."""
        months = ("month date, grain varchar", [(date(2025, 1, 1), "all")])
        inputs = {"dim_stages": _stages(stages), "fct_stage_visits": _visits(stages), "mart_monthly_metrics": months}
        return {row["stage"]: row for row in self.rows("mart_stage_metrics", **inputs)}

    def win_probability(self, deals: list[Deal], cohort: str = "all") -> list[dict[str, Any]]:
        """`mart_win_probability` of these deals, by age."""
        columns = (
            "source varchar, pipeline varchar, status varchar, created_on date, created_at_is_estimated boolean, "
            "closed_at timestamp"
        )
        rows = [
            (
                "crm",
                "Sales",
                status,
                AS_OF - timedelta(days=age),
                False,
                None if status == "open" else AS_OF,
            )
            for age, status in deals
        ]
        found = self.rows("mart_win_probability", fct_deals=(columns, rows))
        return sorted((row for row in found if row["cohort"] == cohort), key=lambda row: row["age_days"])


RUN = (
    "as_of timestamp, as_of_date date, timezone varchar",
    [(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None), AS_OF, "UTC")],
)


def _stages(stages: dict[str, list[Spell]]) -> tuple[str, list[tuple[Any, ...]]]:
    columns = (
        "source varchar, pipeline varchar, stage varchar, stage_order double, canonical_stage varchar, is_won boolean, "
        "is_lost boolean"
    )
    rows = [("crm", "Sales", stage, order, "demo", False, False) for order, stage in enumerate(stages)]
    return columns, rows


def _visits(stages: dict[str, list[Spell]]) -> tuple[str, list[tuple[Any, ...]]]:
    columns = "source varchar, pipeline varchar, stage varchar, entered_on date, days_in_stage double, outcome varchar"
    rows = [
        ("crm", "Sales", stage, date(2025, 1, 15), days, "advanced" if has_ended else "open")
        for stage, spells in stages.items()
        for days, has_ended in spells
    ]
    return columns, rows


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    names = ("mart_time_in_stage", "mart_stage_metrics", "mart_win_probability")
    config_path = PROJECT / "pipeline.yml"
    folder = tmp_path_factory.mktemp("compiled")
    settings = Settings(read_configuration(config_path), config_path, folder, folder, datetime(2026, 1, 1, tzinfo=UTC))
    (folder / "building").mkdir()
    done = dbt(settings, "compile", "--select", *names)
    assert done.returncode == 0, done.stdout + done.stderr
    compiled = target_dir(settings) / "compiled" / "dealtrail" / "models" / "marts" / "metrics"
    return Models({name: (compiled / f"{name}.sql").read_text(encoding="utf-8") for name in names})


# Small inputs


def test_percentiles_with_ties(models: Models) -> None:
    """Forty groups, many spells of one length, a third to all of them ended."""
    chance = random.Random(1)
    stages: dict[str, list[Spell]] = {}
    for number in range(40):
        share, longest = chance.uniform(0.3, 1), chance.choice([3, 12, 60])
        size = chance.choice([1, 2, 10, 100])
        stages[f"Stage {number}"] = [(chance.randrange(longest), chance.random() < share) for _ in range(size)]
    whole, by_month = models.time_in_stage(stages), models.stage_metrics(stages)
    for stage, spells in stages.items():
        expected = percentiles(spells)
        assert {name: whole[stage][name] for name in PERCENTILES} == expected, stage
        assert {name: by_month[stage][name] for name in PERCENTILES[:2]} == {
            name: expected[name] for name in PERCENTILES[:2]
        }, stage


def test_where_nothing_has_ended_or_nothing_is_there(models: Models) -> None:
    found = models.time_in_stage({"Censored": [(1, False), (9, False)], "Empty": [], "Ended at once": [(0, True)]})
    nothing = dict.fromkeys(PERCENTILES)
    assert {name: found["Censored"][name] for name in nothing} == nothing
    assert {name: found["Empty"][name] for name in nothing} == nothing
    assert {name: found["Ended at once"][name] for name in nothing} == dict.fromkeys(nothing, 0)
    assert [found[stage]["visits"] for stage in ("Censored", "Empty", "Ended at once")] == [2, 0, 1]


@pytest.mark.parametrize("seed", range(20))
def test_survival_with_ties(seed: int, models: Models) -> None:
    chance = random.Random(seed)
    kinds = ["won", "lost", "open"] if seed % 2 else ["won", "lost"]
    deals = [(chance.randrange(30), chance.choice(kinds)) for _ in range(chance.choice([1, 7, 80, 400]))]
    found = models.win_probability(deals)
    assert_survival(deals, found)
    for row in found:
        assert row["won_probability"] + row["lost_probability"] + row["open_probability"] == pytest.approx(1, abs=1e-12)
    if kinds == ["won", "lost"]:
        assert found[-1]["open_probability"] == 0


@pytest.mark.parametrize("seed", range(20))
def test_untied_incidence(seed: int, models: Models) -> None:
    """No win shares its age with a loss; censoring may share it with either. From day 1: lifelines takes what
    happens at time 0 for nothing."""
    chance = random.Random(seed)
    kind_of_day = [chance.choice(["won", "lost"]) for _ in range(400)]
    days = chance.sample(range(1, 400), 60) if seed % 2 else chance.choices(range(1, 60), k=200)
    deals = [(day, kind_of_day[day] if chance.random() < 0.6 else "open") for day in days]
    assert_incidence(deals, models.win_probability(deals))


def test_wins_and_losses_of_one_age_share_who_is_at_risk(models: Models) -> None:
    """Six deals. Day 1: one won, one lost, of six. Day 2: one is open, and counts no further. Day 3: one won, one lost,
    of three. The last one is open on day 5."""
    found = models.win_probability([(1, "won"), (1, "lost"), (2, "open"), (3, "won"), (3, "lost"), (5, "open")])
    worked = [
        # age, at risk, won, lost, censored, probability of won, of lost, of open
        (1, 6, 1, 1, 0, Fraction(1, 6), Fraction(1, 6), Fraction(2, 3)),
        (2, 4, 0, 0, 1, Fraction(1, 6), Fraction(1, 6), Fraction(2, 3)),
        (3, 3, 1, 1, 0, Fraction(7, 18), Fraction(7, 18), Fraction(2, 9)),
        (5, 1, 0, 0, 1, Fraction(7, 18), Fraction(7, 18), Fraction(2, 9)),
    ]
    assert len(found) == len(worked)
    for row, (*counts, won, lost, still_open) in zip(found, worked, strict=True):
        assert [row[name] for name in ("age_days", "at_risk", "won", "lost", "censored")] == counts
        assert won + lost + still_open == 1
        assert row["won_probability"] == near(float(won))
        assert row["lost_probability"] == near(float(lost))
        assert row["open_probability"] == near(float(still_open))


def test_once_all_have_ended_nothing_is_open(models: Models) -> None:
    """Three of three on day 4: exactly nothing, not a rounded remainder. Two of three were won."""
    found = models.win_probability([(0, "lost"), (2, "won"), (4, "won"), (4, "won"), (4, "lost")])
    assert [row["open_probability"] for row in found] == pytest.approx([4 / 5, 3 / 5, 0])
    assert found[-1]["open_probability"] == 0
    assert found[-1]["won_probability"] == pytest.approx(float(Fraction(1, 5) + Fraction(3, 5) * Fraction(2, 3)))


def test_cohorts_are_months_of_creation(models: Models) -> None:
    """Three deals of December's last days, one of November: each cohort is judged by its own."""
    deals = [(1, "open"), (2, "won"), (3, "lost"), (40, "lost")]
    assert [row["age_days"] for row in models.win_probability(deals, "2025-12")] == [1, 2, 3]
    (november,) = models.win_probability(deals, "2025-11")
    assert (november["cohort_month"], november["lost_probability"]) == (date(2025, 11, 1), 1)
    assert [row["at_risk"] for row in models.win_probability(deals)] == [4, 3, 2, 1]


# Warehouses


CONFIGURATIONS = {"sample": "pipeline.yml", "maven": "examples/maven.yml"}


@pytest.fixture(params=CONFIGURATIONS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def warehouse(name: str, sample: Warehouse, example: Callable[[str], Warehouse]) -> Warehouse:
    return sample if name == "sample" else example(name)


def test_every_stage(warehouse: Warehouse) -> None:
    visits = warehouse.rows(
        "select source, pipeline, stage, days_in_stage, outcome != 'open' from marts.fct_stage_visits"
    )
    spells: dict[Any, list[Spell]] = defaultdict(list)
    for *stage, days, has_ended in visits:
        spells[tuple(stage)].append((int(days), has_ended))
    names = ", ".join(PERCENTILES)
    found = {
        (source, pipeline, stage): dict(zip(PERCENTILES, values, strict=True))
        for source, pipeline, stage, *values in warehouse.rows(
            f"select source, pipeline, stage, {names} from marts.mart_time_in_stage where visits > 0"
        )
    }
    assert found == {stage: percentiles(of_stage) for stage, of_stage in spells.items()}


def test_every_stage_and_month(name: str, warehouse: Warehouse) -> None:
    visits = warehouse.rows(
        """
        select cast(date_trunc('month', timezone(?, timezone('UTC', entered_at))) as date), source, pipeline, stage,
            days_in_stage, outcome != 'open'
        from marts.fct_stage_visits
        """,
        read_configuration(PROJECT / CONFIGURATIONS[name]).timezone,
    )
    spells: dict[Any, list[Spell]] = defaultdict(list)
    for *group, days, has_ended in visits:
        spells[tuple(group)].append((int(days), has_ended))
    found = warehouse.rows(
        "select month, source, pipeline, stage, days_in_stage_km_median, days_in_stage_km_p90 "
        "from marts.mart_stage_metrics where entered > 0"
    )
    assert {tuple(row[:4]): row[4:] for row in found} == {
        group: (fitted["days_in_stage_km_median"], fitted["days_in_stage_km_p90"])
        for group, of_group in spells.items()
        for fitted in [percentiles(of_group)]
    }


def test_every_cohort(warehouse: Warehouse) -> None:
    names = "source, pipeline, cohort, age_days, won, lost, censored, won_probability, lost_probability, "
    names += "open_probability, won_probability_low, won_probability_high"
    cohorts: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in warehouse.rows(
        f"select {names} from marts.mart_win_probability order by source, pipeline, cohort, age_days"
    ):
        cohorts[row[:3]].append(dict(zip(names.split(", "), row, strict=True)))
    deals = warehouse.value(
        "select count(*) from marts.fct_deals where status != 'deleted' and not created_at_is_estimated"
    )
    counted, untied = 0, 0
    for (_, _, cohort), rows in cohorts.items():
        of_cohort = list(_deals(rows))
        counted += len(of_cohort) if cohort == "all" else 0
        assert_survival(of_cohort, rows)
        if not any(row["won"] and row["lost"] for row in rows) and rows[0]["age_days"] > 0:
            assert_incidence(of_cohort, rows)
            untied += 1
    assert counted == deals
    assert untied >= 1


def _deals(rows: list[dict[str, Any]]) -> Iterator[Deal]:
    for row in rows:
        for kind, column in (("won", "won"), ("lost", "lost"), ("open", "censored")):
            yield from [(row["age_days"], kind)] * row[column]


# What lifelines says

PERCENTILES = (
    "days_in_stage_km_median",
    "days_in_stage_km_p90",
    "days_in_stage_km_median_low",
    "days_in_stage_km_median_high",
)


def percentiles(spells: list[Spell]) -> dict[str, float | None]:
    """Its percentile is the first time at which at most the share is left, infinite where that never comes. It compares
    floats, so that an exact half may count as more: a billionth is allowed for."""
    fitted = KaplanMeierFitter().fit([days for days, _ in spells], [has_ended for _, has_ended in spells])
    bounds = median_survival_times(fitted.confidence_interval_ - 1e-9)
    low, high = sorted(float(bounds[column].iloc[0]) for column in bounds)
    curve = fitted.survival_function_["KM_estimate"]
    median, p90 = (qth_survival_time(share + 1e-9, curve) for share in (0.5, 0.1))
    values = (median, p90, low, high)
    return {name: _finite(value) for name, value in zip(PERCENTILES, values, strict=True)}


def _finite(value: float) -> float | None:
    return None if value == float("inf") else float(value)


def assert_survival(deals: list[Deal], found: list[dict[str, Any]]) -> None:
    """The share still open at every age."""
    fitted = KaplanMeierFitter().fit([age for age, _ in deals], [status != "open" for _, status in deals])
    expected = fitted.survival_function_["KM_estimate"]
    assert [row["age_days"] for row in found] == sorted({age for age, _ in deals})
    assert [row["open_probability"] for row in found] == near([expected[row["age_days"]] for row in found])


def assert_incidence(deals: list[Deal], found: list[dict[str, Any]]) -> None:
    """The share won and lost by every age, and the interval of the first."""
    for outcome in ("won", "lost"):
        fitted = AalenJohansenFitter(seed=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StatisticalWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            fitted.fit([age for age, _ in deals], [KINDS[status] for _, status in deals], KINDS[outcome])
        expected = fitted.cumulative_density_.iloc[:, 0]
        shares = [row[f"{outcome}_probability"] for row in found]
        assert shares == near([expected[row["age_days"]] for row in found])
        if outcome == "won":
            for row in (row for row in found if 0 < row["won_probability"] < 1):
                bounds = sorted(fitted.confidence_interval_.loc[row["age_days"]])
                assert [row["won_probability_low"], row["won_probability_high"]] == pytest.approx(bounds, rel=1e-7)
