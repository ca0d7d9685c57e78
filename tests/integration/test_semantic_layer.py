"""MetricFlow and the marts say the same: every metric, in every month, for every value of every grain both have."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dagster_project.config.load import read_configuration
from dagster_project.transform.semantic_layer import with_fields
from tests.conftest import DEALTRAIL, PROJECT, Warehouse, environment

DBT_DIR = PROJECT / "dbt"
MF = Path(sys.executable).with_name("mf")
MONTH = "metric_time__month"

DEALS = [
    *("opportunities_created", "opportunities_created_won", "deal_closure_rate"),
    *("deals_won", "deals_lost", "win_rate", "win_loss_ratio"),
    *("qualified_won", "qualified_lost", "opportunity_win_rate"),
    *("won_amount", "won_deals_with_amount", "avg_deal_size"),
    *("sales_cycle_days", "sales_cycle_days_median"),
    *("new_customers", "deals_worked", "pipeline_velocity_per_day"),
]
LEADS = [
    *("new_leads", "converted_leads", "lead_conversion_rate"),
    *("answered_leads", "leads_answered_within_sla", "leads_unanswered"),
    *("response_hours", "response_hours_median", "response_within_sla_rate"),
]
COST = ["spend", "cac"]
VALUE = ["active_customer_months", "active_months_before", "churned_customers", "clv", "clv_to_cac"]

#: Metrics, grain of the mart, and what MetricFlow is to group by: one column, or two that make `<source>:<pipeline>`.
#: (No spend of the sample is an owner's.)
BY_GRAIN = [
    (DEALS, "all", []),
    (DEALS, "source", ["deal__source"]),
    (DEALS, "pipeline", ["deal__source", "deal__pipeline"]),
    (DEALS, "owner", ["deal__owner_key"]),
    (DEALS, "segment", ["deal__segment"]),
    (DEALS, "lead_source", ["deal__lead_source"]),
    # a field that the configuration adds
    (DEALS, "region", ["deal__region"]),
    (LEADS, "all", []),
    (LEADS, "source", ["lead__source"]),
    (LEADS, "owner", ["lead__owner_key"]),
    (LEADS, "lead_source", ["lead__lead_source"]),
    (COST, "all", []),
    (COST, "source", ["crm"]),
    (COST, "pipeline", ["crm_pipeline"]),
    (COST, "segment", ["account_segment"]),
    (COST, "lead_source", ["lead_channel"]),
    (VALUE, "all", []),
    (VALUE, "source", ["crm"]),
    (VALUE, "segment", ["account_segment"]),
]


class MetricFlow:
    """The engine behind `mf`, set up once: starting it takes seconds, a query a fraction of one."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def query(self, metrics: list[str], group_by: list[str]) -> list[dict[str, Any]]:
        """The rows of a query."""
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

        asked = MetricFlowQueryRequest.create(metric_names=metrics, group_by_names=group_by)
        return self._rows(asked)

    def saved(self, name: str) -> list[dict[str, Any]]:
        """The rows of a saved query."""
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

        return self._rows(MetricFlowQueryRequest.create(saved_query_name=name))

    def _rows(self, asked: Any) -> list[dict[str, Any]]:
        table = self._engine.query(asked).result_df
        return [dict(zip(table.column_names, row, strict=True)) for row in table.rows]

    def by_month(self, metrics: list[str], group_by: list[str]) -> dict[tuple[date, str | None], dict[str, Any]]:
        """Month and value → metrics."""
        return {
            (row[MONTH].date(), self._value([row[name] for name in group_by])): row
            for row in self.query(metrics, [MONTH, *group_by])
        }

    @staticmethod
    def _value(parts: list[str | None]) -> str | None:
        return ":".join(str(part) for part in parts) if parts and None not in parts else None if parts else "all"


@pytest.fixture(scope="module")
def metricflow(sample: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricFlow]:
    """MetricFlow on a copy of the published sample: it keeps the file open, in another way than the test opens it."""
    from dbt.adapters.factory import get_adapter_by_type
    from dbt_metricflow.cli.dbt_connectors.adapter_backed_client import AdapterBackedSqlClient
    from dbt_metricflow.cli.dbt_connectors.dbt_config_accessor import dbtProjectMetadata
    from metricflow.engine.metricflow_engine import MetricFlowEngine
    from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    folder = tmp_path_factory.mktemp("metricflow")
    shutil.copyfile(sample.path / "pipeline.duckdb", folder / "pipeline.duckdb")
    parsed = (sample.path / "dbt" / "semantic_manifest.json").read_text(encoding="utf-8")
    parsed = with_fields(parsed, read_configuration(PROJECT / "pipeline.yml").fields)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DEALTRAIL_BUILD", "DEALTRAIL_ENGINE"):
            patch.delenv(name, raising=False)
        patch.setenv("WAREHOUSE_DIR", str(folder))
        patch.setenv("DBT_LOG_PATH", str(folder))
        patch.setenv("DBT_TARGET_PATH", str(folder))
        dbtProjectMetadata.load_from_paths(profiles_path=DBT_DIR, project_path=DBT_DIR)
        client = AdapterBackedSqlClient(get_adapter_by_type("duckdb"))
        lookup = SemanticManifestLookup(parse_manifest_from_dbt_generated_manifest(parsed))
        yield MetricFlow(MetricFlowEngine(semantic_manifest_lookup=lookup, sql_client=client))
        client.close()


def same(left: Any, right: Any) -> bool:
    """Equal as numbers, to nine digits."""
    return float(left) == pytest.approx(float(right), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("metrics", "grain", "group_by"), BY_GRAIN, ids=[f"{metrics[0]}-{grain}" for metrics, grain, _ in BY_GRAIN]
)
def test_equals_the_mart(
    metrics: list[str], grain: str, group_by: list[str], metricflow: MetricFlow, sample: Warehouse
) -> None:
    columns = ", ".join(metrics)
    mart = {
        (month, value): dict(zip(metrics, figures, strict=True))
        for month, value, *figures in sample.rows(
            f"select month, grain_value, {columns} from marts.mart_monthly_metrics where grain = ?", grain
        )
    }
    told = metricflow.by_month(metrics, group_by)
    both = [
        (key, metric, told[key][metric], figures[metric])
        for key, figures in mart.items()
        if key in told
        for metric in metrics
        if told[key][metric] is not None and figures[metric] is not None
    ]
    assert [row for row in both if not same(row[2], row[3])] == []
    # what the mart has and MetricFlow has not are counts of nothing
    missing = {
        (key, metric, figures[metric])
        for key, figures in mart.items()
        for metric in metrics
        if figures[metric] and (key not in told or told[key][metric] is None)
    }
    assert missing == set()
    assert {metric for _, metric, *_ in both} == set(metrics), "a metric of which both have no value proves nothing"


def test_a_value_is_null_where_the_mart_says_so(metricflow: MetricFlow, sample: Warehouse) -> None:
    """Lifetime value above all: too few months, no churn, a month that is not over."""
    null = sample.rows("select month from marts.mart_monthly_metrics where grain = 'all' and clv is null")
    told = metricflow.by_month(["clv"], [])
    assert [month for (month,) in null if (month, "all") in told and told[month, "all"]["clv"] is not None] == []


def test_stages_equal_their_mart(metricflow: MetricFlow, sample: Warehouse) -> None:
    mart = {
        (month, f"{source}:{pipeline}:{stage}"): figures
        for month, source, pipeline, stage, *figures in sample.rows(
            "select month, source, pipeline, stage, entered, drop_off_rate, conversion_rate"
            " from marts.mart_stage_metrics where entered > 0"
        )
    }
    metrics = ["visits", "drop_off_rate", "conversion_rate"]
    told = metricflow.by_month(metrics, ["visit__source", "visit__pipeline", "visit__stage"])
    assert mart.keys() == told.keys()
    for key, figures in mart.items():
        for metric, figure in zip(metrics, figures, strict=True):
            assert (told[key][metric] is None) == (figure is None), (key, metric)
            assert figure is None or same(told[key][metric], figure), (key, metric)


@pytest.mark.parametrize(
    "name", ["monthly_overview", "by_owner", "by_source", "lead_response", "stage_drop_off", "customers"]
)
def test_saved_queries_answer(name: str, metricflow: MetricFlow) -> None:
    assert metricflow.saved(name)


QUERY = ["query", "--metrics", "win_rate,avg_deal_size", "--group-by", "metric_time__month,deal__owner_key"]


def test_the_command_answers_from_anywhere_and_mf_in_the_dbt_folder(sample: Warehouse, tmp_path: Path) -> None:
    """The command writes files where the person is."""
    told = subprocess.run(
        [str(DEALTRAIL), "metrics", *QUERY, "--csv", "answer.csv"],
        cwd=tmp_path,
        env=environment(WAREHOUSE_DIR=sample.path, PIPELINE_CONFIG=PROJECT / "pipeline.yml"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert (tmp_path / "answer.csv").read_text().startswith("metric_time__month,deal__owner_key,win_rate,avg_deal_size")
    # as `make nightly` lays it there
    (DBT_DIR / "target").mkdir(exist_ok=True)
    shutil.copyfile(sample.path / "dbt" / "semantic_manifest.json", DBT_DIR / "target" / "semantic_manifest.json")
    told = subprocess.run(
        [str(MF), *QUERY],
        cwd=DBT_DIR,
        env=environment(WAREHOUSE_DIR=sample.path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "boreal_pipedrive:" in told.stdout


def test_before_the_first_publication_the_command_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(DEALTRAIL), "metrics", "list", "metrics"],
        cwd=PROJECT,
        env=environment(WAREHOUSE_DIR=tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "nothing is published" in done.stderr
