"""The conditions of expectations/deliveries.yml on both sides of each limit, without a warehouse around them."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from dagster_project.config.rules import Rule, read_suites, unexpected_rows_sql

RULES = {
    rule.check or rule.rule: rule
    for suite in read_suites()
    for rule in suite.definitions
    if suite.suite == "deliveries" and isinstance(rule, Rule)
}

#: A delivery that breaks no rule, each figure at its limit.
GOOD: dict[str, Any] = {
    "state": "loaded",
    "message": None,
    "is_newest_loaded": True,
    "is_confirmed": False,
    "seconds_old": 26 * 3600.0,
    "max_delivery_age_hours": 26.0,
    "headings": 5,
    "headings_before": 5,
    "headings_appeared": 0,
    "headings_vanished": 0,
    "baseline_deliveries": 3,
    "null_share": 0.87,
    "usual_null_share": 0.29,
    "max_null_share": 0.05,
    "max_null_share_ratio": 3.0,
    "stage_mix_psi": 0.25,
    "max_stage_mix_psi": 0.25,
    "quarantine_share": 0.05,
    "unusable_rows": 1,
    "rows_in_file": 20,
    "unconfirmed_files": "a.csv (5c1b…)",
    "max_quarantine_share": 0.05,
}


def broken(**figures: Any) -> list[str]:
    """The rules that a delivery breaks which differs from the good one in these figures."""
    figures = {**GOOD, **figures}
    with duckdb.connect() as connection:
        columns = ", ".join(f"? as {name}" for name in figures)
        connection.execute(f"create table delivery as select {columns}", list(figures.values()))
        return [
            name
            for name, rule in RULES.items()
            if connection.execute(unexpected_rows_sql(rule, "delivery", [])).fetchall()
        ]


def test_at_its_limits_a_delivery_breaks_nothing() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("rule", "figures"),
    [
        ("delivery_refused", {"state": "refused", "is_newest_loaded": False}),
        ("delivery_held_back", {"state": "held_back", "is_newest_loaded": False}),
        ("late_delivery", {"seconds_old": 26 * 3600.0 + 1}),
        ("schema_drift", {"headings_appeared": 1}),
        ("schema_drift", {"headings_vanished": 1}),
        ("schema_drift", {"headings_before": 1, "headings_appeared": 4}),
        ("null_spike", {"null_share": 0.8700000001}),
        ("null_spike", {"null_share": 0.0501, "usual_null_share": 0.0}),
        ("null_spike", {"null_share": 0.1501, "usual_null_share": 0.05}),
        ("stage_mix_drift", {"stage_mix_psi": 0.2500000001}),
        ("quarantine_share", {"quarantine_share": 0.0501, "unusable_rows": 5}),
        ("quarantine_share_of_few_rows", {"quarantine_share": 0.8, "unusable_rows": 4}),
    ],
)
def test_just_beyond_a_limit_it_breaks_that_rule(rule: str, figures: dict[str, Any]) -> None:
    assert broken(**figures) == [rule]
    if rule not in ("delivery_refused", "delivery_held_back"):
        assert broken(**figures, is_newest_loaded=False) == []


@pytest.mark.parametrize(
    "figures",
    [
        {"null_share": 0.05, "usual_null_share": 0.0},
        {"null_share": 0.04, "usual_null_share": 0.01},
        {"null_share": 0.06, "usual_null_share": 0.02},
        {"null_share": None, "usual_null_share": None},
        {"null_share": 0.9, "usual_null_share": 0.0, "baseline_deliveries": 2},
        {"stage_mix_psi": 9.0, "baseline_deliveries": 2},
        {"stage_mix_psi": None},
        {"headings": 0, "headings_vanished": 5},
        {"headings_before": 0, "headings_appeared": 5},
        {"headings_before": None, "headings_appeared": None, "headings_vanished": None},
        {"quarantine_share": 0.9, "is_confirmed": True},
    ],
)
def test_within_its_limits_or_with_nothing_to_compare_it_breaks_nothing(figures: dict[str, Any]) -> None:
    assert broken(**figures) == []
