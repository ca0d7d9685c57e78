"""The semantic layer says what the marts say: every metric, by month and grain, on every month and value both have."""

from __future__ import annotations

import csv
import math
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import DEALTRAIL, PROJECT, Warehouse, environment

OF_LEADS = [
    "new_leads",
    "converted_leads",
    "lead_conversion_rate",
    "answered_leads",
    "leads_answered_within_sla",
    "leads_unanswered",
    "response_hours",
    "response_hours_median",
    "response_within_sla_rate",
]
OF_DEALS = [
    "opportunities_created",
    "opportunities_created_won",
    "deal_closure_rate",
    "deals_won",
    "deals_lost",
    "win_rate",
    "win_loss_ratio",
    "qualified_won",
    "qualified_lost",
    "opportunity_win_rate",
    "won_amount",
    "won_deals_with_amount",
    "avg_deal_size",
    "sales_cycle_days",
    "sales_cycle_days_median",
    "deals_worked",
    "pipeline_velocity_per_day",
    "new_customers",
]
OF_SPEND = ["spend", "cac"]
OF_CUSTOMERS = ["clv", "clv_to_cac"]
#: Metric → column of mart_stage_metrics.
OF_VISITS = {
    "visits": "entered",
    "visits_advanced": "advanced",
    "visits_lost": "lost",
    "drop_off_rate": "drop_off_rate",
    "conversion_rate": "conversion_rate",
}

#: Grain, what to group by (several make up one value), the metrics that have it.
QUERIES: list[tuple[str, list[str], list[str]]] = [
    ("all", [], OF_LEADS + OF_DEALS + OF_SPEND + OF_CUSTOMERS),
    ("source", ["deal__source"], OF_DEALS),
    ("pipeline", ["deal__source", "deal__pipeline"], OF_DEALS),
    ("owner", ["deal__owner_key"], OF_DEALS),
    ("segment", ["deal__segment"], OF_DEALS),
    ("lead_source", ["deal__lead_source"], OF_DEALS),
    ("source", ["crm"], OF_LEADS + OF_SPEND + OF_CUSTOMERS),
    ("pipeline", ["crm_pipeline"], OF_SPEND),
    ("owner", ["owner"], OF_LEADS),
    ("segment", ["account_segment"], OF_SPEND + OF_CUSTOMERS),
    ("lead_source", ["lead_channel"], OF_LEADS + OF_SPEND),
]

Ask = Callable[..., list[dict[str, str]]]


@pytest.fixture(scope="module")
def ask(sample: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """What `dealtrail metrics query` answers."""
    folder = tmp_path_factory.mktemp("answers")

    def answer(metrics: Iterable[str], group_by: Iterable[str]) -> list[dict[str, str]]:
        path = folder / f"{len(list(folder.iterdir()))}.csv"
        query(sample.path, "--metrics", ",".join(metrics), "--group-by", ",".join(group_by), "--csv", path)
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return answer


def query(warehouse: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [str(DEALTRAIL), "metrics", "query", *map(str, arguments)],
        cwd=PROJECT,
        env=environment(WAREHOUSE_DIR=warehouse),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("grain", "group_by", "metrics"), QUERIES, ids=[" by ".join([grain, *items]) for grain, items, _ in QUERIES]
)
def test_every_month_and_value_of_a_grain(
    grain: str, group_by: list[str], metrics: list[str], ask: Ask, sample: Warehouse
) -> None:
    names = ", ".join(metrics)
    mart = {
        (str(month), str(value)): dict(zip(metrics, row, strict=True))
        for month, value, *row in sample.rows(
            f"select month, coalesce(grain_value, ''), {names} from marts.mart_monthly_metrics where grain = ?", grain
        )
    }
    seen: dict[str, int] = dict.fromkeys(metrics, 0)
    wrong = []
    for answer in ask(metrics, ["metric_time__month", *group_by]):
        value = ":".join(answer[item] for item in group_by) or "all"
        key = (answer["metric_time__month"][:10], value)
        # records without a value are no group that MetricFlow could join its metrics by
        if key not in mart or "" in [answer[item] for item in group_by]:
            continue
        for metric in metrics:
            expected = mart[key][metric]
            # of a month without spend MetricFlow has no row, where the mart knows that it was 0
            if metric in OF_SPEND and answer[metric] == "" and expected == 0:
                continue
            if not same(answer[metric], expected):
                wrong.append(f"{key} {metric}: {answer[metric]!r}, the mart says {expected}")
            seen[metric] += expected is not None and answer[metric] != ""
    assert wrong == []
    assert [metric for metric, times in seen.items() if times == 0] == []


def test_stage_visits_by_month_and_stage(ask: Ask, sample: Warehouse) -> None:
    mart = {
        tuple(map(str, row[:4])): dict(zip(OF_VISITS, row[4:], strict=True))
        for row in sample.rows(
            f"select month, source, pipeline, stage, {', '.join(OF_VISITS.values())} from marts.mart_stage_metrics"
        )
    }
    stage = ["visit__source", "visit__pipeline", "visit__stage"]
    answers = ask(OF_VISITS, ["metric_time__month", *stage])
    assert len(answers) > 50
    for answer in answers:
        expected = mart[answer["metric_time__month"][:10], *(answer[item] for item in stage)]
        assert [metric for metric in OF_VISITS if not same(answer[metric], expected[metric])] == [], answer


def test_saved_queries_can_be_asked(sample: Warehouse) -> None:
    saved = PROJECT / "dbt" / "models" / "marts" / "semantic" / "_saved_queries.yml"
    names = [entry["name"] for entry in yaml.safe_load(saved.read_text(encoding="utf-8"))["saved_queries"]]
    assert len(names) >= 3
    for name in names:
        assert "metric_time__month" in query(sample.path, "--saved-query", name)


def same(answer: str, expected: Any) -> bool:
    """Numbers to nine digits; nothing is nothing."""
    if answer == "" or expected is None:
        return answer == "" and expected is None
    return math.isclose(float(answer), float(expected), rel_tol=1e-9, abs_tol=1e-12)
