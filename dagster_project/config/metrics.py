"""The metrics. Each stands once, in the `meta` of its column beside its mart (dbt/models/marts); all else asks here.

The mart's SQL and the semantic models say their arithmetic in dbt's own words: tests/integration/test_metrics.py walks
the list and holds them against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from dagster_project.config.values import Strict
from dagster_project.config.yaml_files import read_packaged
from dagster_project.package_files import PROJECT_DIR

MARTS = PROJECT_DIR / "dbt" / "models" / "marts"

Unit = Literal["count", "money", "money_per_day", "rate", "ratio", "days", "hours"]
#: How several rows are one figure: added up, added up within one month (what stands at its end), divided anew from
#: added-up parts, or not at all.
Combines = Literal["always", "within_month", "by_its_parts", "never"]

#: What a heading says of the unit, where no figure under it does.
_IN_HEADINGS = {"days": ", days", "hours": ", hours", "money_per_day": " per day"}


class Twelve(Strict):
    """What the dictionary says of one of the twelve metrics beside its formula in columns."""

    number: int
    formula: str
    facts: list[str]
    crm_columns: list[str]
    caveats: str


class Metric(Strict):
    """One figure of a mart."""

    mart: str
    name: str
    description: str
    label: str
    unit: Unit
    better: Literal["more", "less", "neither"]
    #: A ratio's parts, in columns of its own mart; of others, whether rows may be added up.
    numerator: str | None = None
    denominator: str | None = None
    adds_up: Combines = "by_its_parts"
    #: Whether pipeline.yml may set a target for it.
    goal: bool = False
    twelve: Twelve | None = None

    @model_validator(mode="after")
    def _is_a_ratio_or_says_how_it_adds_up(self) -> Metric:
        if (self.numerator is None) != (self.denominator is None):
            raise ValueError("a ratio has both numerator and denominator")
        if (self.numerator is None) == (self.adds_up == "by_its_parts"):
            raise ValueError("give numerator and denominator, or adds_up: always, within_month or never")
        return self

    @property
    def heading(self) -> str:
        """The label for where its figures stand without their unit."""
        return self.label + _IN_HEADINGS.get(self.unit, "")

    @property
    def parts(self) -> tuple[list[str], list[str]] | None:
        """The columns that are added up above and below the line, of a ratio that is as simple as that."""
        if self.numerator is None or self.denominator is None or "*" in self.numerator:
            return None
        return self.numerator.split(" + "), self.denominator.split(" + ")

    @property
    def combines(self) -> Combines:
        """How several rows are one figure. A ratio is made anew only if everything it is made of may be added up."""
        if self.adds_up != "by_its_parts":
            return self.adds_up
        parts = [*self.parts[0], *self.parts[1]] if self.parts else []
        of_mart = {one.name: one for one in metrics(self.mart)}
        return "by_its_parts" if parts and all(of_mart[part].adds_up == "always" for part in parts) else "never"

    @property
    def of_several_rows(self) -> str:
        """SQL for a group of rows that may be combined; where none may, of the one row."""
        # Postgres divides whole numbers into whole numbers
        return {
            "always": f"sum({self.name})",
            "within_month": f"sum({self.name})",
            "by_its_parts": f"1.0 * sum({self.numerator}) / nullif(sum({self.denominator}), 0)",
            "never": f"max({self.name})",
        }[self.combines]


@cache
def metrics(mart: str | None = None) -> tuple[Metric, ...]:
    """Every metric in the order of the marts' columns, or those of one mart."""
    if mart is not None:
        return tuple(one for one in metrics() if one.mart == mart)
    return tuple(one for path in sorted(MARTS.rglob("mart_*.yml")) for one in _of_file(path))


def metric(mart: str, name: str) -> Metric:
    """One metric. Raises KeyError where the mart's column says nothing of one."""
    return {one.name: one for one in metrics(mart)}[name]


@cache
def goals() -> dict[str, Metric]:
    """The metrics that pipeline.yml may set targets for, those of a whole pipeline first."""
    found = sorted((one for one in metrics() if one.goal), key=is_of_stages)
    return {one.name: one for one in found}


def is_of_stages(one: Metric) -> bool:
    """Whether a metric is of a stage, not of a whole pipeline."""
    return one.mart == "mart_stage_metrics"


def _of_file(path: Path) -> Iterator[Metric]:
    for model in read_packaged(path).get("models", []):
        for column in model["columns"]:
            meta: dict[str, Any] = column.get("config", {}).get("meta", {})
            if "label" not in meta:
                continue
            try:
                yield Metric(mart=model["name"], name=column["name"], description=column["description"], **meta)
            except ValidationError as error:
                raise ValueError(f"{path.name}, {column['name']}: {error}") from error
