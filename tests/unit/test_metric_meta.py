"""The list of metrics: how a figure says what it is over several rows, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.config import metrics
from dagster_project.config.metrics import Metric, goals, metric

MONTHLY = "mart_monthly_metrics"


@pytest.mark.parametrize(
    ("mart", "name", "over_several_rows"),
    [
        (MONTHLY, "deals_won", "sum(deals_won)"),
        (MONTHLY, "win_rate", "1.0 * sum(deals_won) / nullif(sum(deals_won + deals_lost), 0)"),
        # a month without a known rate has no spend, and a sum would pass over it
        (MONTHLY, "cac", "max(cac)"),
        (MONTHLY, "pipeline_velocity_per_day", "max(pipeline_velocity_per_day)"),
        (MONTHLY, "sales_cycle_days_median", "max(sales_cycle_days_median)"),
        ("mart_pipeline_movements", "closing_amount", "sum(closing_amount)"),
    ],
)
def test_what_a_figure_is_over_several_rows(mart: str, name: str, over_several_rows: str) -> None:
    assert metric(mart, name).of_several_rows == over_several_rows


def test_what_cannot_be_added_up_is_made_anew_of_nothing() -> None:
    assert metric(MONTHLY, "win_rate").combines == "by_its_parts"
    assert metric(MONTHLY, "clv_to_cac").combines == "never"
    assert metric("mart_pipeline_movements", "closing_amount").combines == "within_month"


def test_a_heading_says_the_unit_that_figures_alone_do_not() -> None:
    assert metric(MONTHLY, "sales_cycle_days").heading == "Sales cycle, days"
    assert metric(MONTHLY, "win_rate").heading == metric(MONTHLY, "win_rate").label


def test_goals_of_a_pipeline_come_before_those_of_a_stage() -> None:
    of_stages = [metrics.is_of_stages(one) for one in goals().values()]
    assert of_stages == sorted(of_stages) and len(set(of_stages)) == 2


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ("{label: A, unit: count, better: more}", "give numerator and denominator, or adds_up"),
        ("{label: A, unit: count, better: more, numerator: b}", "a ratio has both"),
        ("{label: A, unit: rate, better: more, numerator: b, denominator: c, adds_up: always}", "give numerator"),
        ("{label: A, unit: dollars, better: more, adds_up: always}", "unit"),
        ("{label: A, unit: count, better: more, adds_up: always, tile: true}", "tile"),
    ],
)
def test_a_mistake_is_said_with_file_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meta: str, said: str
) -> None:
    column = f"{{name: wins, description: Wins., config: {{meta: {meta}}}}}"
    (tmp_path / "mart_small.yml").write_text(f"models: [{{name: mart_small, columns: [{column}]}}]")
    monkeypatch.setattr(metrics, "MARTS", tmp_path)
    with pytest.raises(ValueError, match=f"mart_small.yml, wins: (.|\n)*{said}"):
        metrics.metrics.__wrapped__()


def test_a_ratio_names_columns_that_are_metrics() -> None:
    """Or are made of such."""
    for one in metrics.metrics():
        known = {other.name for other in metrics.metrics(one.mart)}
        assert isinstance(one, Metric)
        for side in filter(None, (one.numerator, one.denominator)):
            assert set(side.replace(" * ", " + ").split(" + ")) <= known, one.name
