"""bi/superset as data: what `bi/superset/build.py` zips."""

from __future__ import annotations

from functools import cache
from typing import Any

from bi.superset.build import assets
from tests.conftest import PROJECT

FOLDER = PROJECT / "bi" / "superset"


@cache
def _assets() -> dict[str, Any]:
    return assets()


def _by_uuid(folder: str) -> dict[str, dict[str, Any]]:
    return {asset["uuid"]: asset for path, asset in sorted(_assets().items()) if path.startswith(f"{folder}/")}


def datasets() -> dict[str, dict[str, Any]]:
    """uuid → dataset."""
    return _by_uuid("datasets")


def charts() -> dict[str, dict[str, Any]]:
    """uuid → chart."""
    return _by_uuid("charts")


def database() -> dict[str, Any]:
    return dict(_assets()["databases/Dealtrail.yaml"])


def dashboard() -> dict[str, Any]:
    return dict(_assets()["dashboards/dealtrail.yaml"])


def query(dataset: dict[str, Any]) -> str:
    """What a dataset reads: its SQL, or its table."""
    return str(dataset.get("sql") or f"select * from {dataset['schema']}.{dataset['table_name']}")


def columns(dataset: dict[str, Any]) -> dict[str, str]:
    """Column → its SQL, of those that a chart or filter may name."""
    return {column["column_name"]: column.get("expression", column["column_name"]) for column in dataset["columns"]}


def metrics(dataset: dict[str, Any]) -> dict[str, str]:
    """Metric → its SQL."""
    return {metric["metric_name"]: metric["expression"] for metric in dataset["metrics"]}
