"""Every metric stands once, in the `meta` of its mart's column; what says it in other words is held against that here.

The report, the goals, the Superset datasets and the dictionary are made from the list and need no test of this kind.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dagster_project.config.metrics import Metric, goals, metrics
from dagster_project.publish.report.queries import LISTED
from tests.conftest import Warehouse

RATIOS = [one for one in metrics() if one.numerator]
MONTHLY = "mart_monthly_metrics"
MOVEMENTS = "mart_pipeline_movements"


@pytest.fixture(scope="module")
def manifest(sample: Warehouse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((sample.path / "dbt" / "parsed.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("one", RATIOS, ids=lambda one: f"{one.mart}-{one.name}")
def test_a_ratio_is_its_numerator_over_its_denominator(sample: Warehouse, one: Metric) -> None:
    """In every row of the mart, and NULL where there is nothing to divide by."""
    table = f"marts.{one.mart}"
    assert sample.value(f"select count({one.name}) from {table}") > 0
    divided = f"cast({one.numerator} as double) / nullif({one.denominator}, 0)"
    differs = f"""
        select count(*) from {table}
        where {one.name} is distinct from {divided}
          and not coalesce(abs({one.name} - {divided}) <= 1e-9 * abs({divided}), false)
    """
    assert sample.value(differs) == 0


def test_every_figure_is_a_column_of_its_mart(sample: Warehouse) -> None:
    for one in metrics():
        sample.rows(f"select {one.name} from marts.{one.mart} limit 1")


def test_every_number_of_the_monthly_metrics_is_a_metric(sample: Warehouse) -> None:
    kinds = sample.rows(f"describe marts.{MONTHLY}")
    numbers = [name for name, kind, *_ in kinds if kind.startswith(("BIGINT", "DOUBLE", "DECIMAL"))]
    assert numbers == [one.name for one in metrics(MONTHLY)]


def test_metricflow_says_the_same(manifest: dict[str, Any]) -> None:
    """Of the label and of a ratio's parts; that the figures are equal is in test_semantic_layer."""
    asked = {one["name"]: one for one in manifest["metrics"].values()}
    shared = [one for one in metrics(MONTHLY) if one.name in asked]
    assert shared
    for one in shared:
        assert asked[one.name]["label"] == one.label
        if one.parts:
            assert asked[one.name]["type"] == "ratio", one.name
            below = asked[asked[one.name]["type_params"]["denominator"]["name"]]
            assert asked[one.name]["type_params"]["numerator"]["name"] == one.numerator
            assert one.denominator in (below["name"], below["description"].removesuffix(".")), one.name
        else:
            assert asked[one.name]["type"] != "ratio", one.name


def test_the_unit_test_of_goals_has_every_goal(manifest: dict[str, Any]) -> None:
    """Each with its actual: the mart's SQL names them, and one it does not know has none."""
    (test,) = [
        one
        for one in manifest["unit_tests"].values()
        if one["name"] == "every_goal_has_its_actual_of_its_own_pipeline_and_stage"
    ]
    rows = test["expect"]["rows"]
    assert {row["goal"] for row in rows if row["actual"] not in (None, "")} == set(goals())


def test_what_the_report_lists_is_there() -> None:
    known = {one.name for one in (*metrics(MONTHLY), *metrics(MOVEMENTS))}
    assert len(LISTED) == len(set(LISTED))
    assert set(LISTED) <= known
