"""bi/superset as data: the files that `bi/superset/build.py` zips."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import PROJECT

FOLDER = PROJECT / "bi" / "superset"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@cache
def datasets() -> dict[str, dict[str, Any]]:
    """uuid → dataset."""
    return {data["uuid"]: data for data in map(read, sorted(FOLDER.glob("datasets/*/*.yaml")))}


@cache
def charts() -> dict[str, dict[str, Any]]:
    """uuid → chart."""
    return {data["uuid"]: data for data in map(read, sorted(FOLDER.glob("charts/*.yaml")))}


@cache
def database() -> dict[str, Any]:
    return read(FOLDER / "databases" / "Dealtrail.yaml")


@cache
def dashboard() -> dict[str, Any]:
    return read(FOLDER / "dashboards" / "dealtrail.yaml")


def query(dataset: dict[str, Any]) -> str:
    """What a dataset reads: its SQL, or its table."""
    return str(dataset.get("sql") or f"select * from {dataset['schema']}.{dataset['table_name']}")


def columns(dataset: dict[str, Any]) -> dict[str, str]:
    """Column → its SQL, of those that a chart or filter may name."""
    return {column["column_name"]: column.get("expression", column["column_name"]) for column in dataset["columns"]}


def metrics(dataset: dict[str, Any]) -> dict[str, str]:
    """Metric → its SQL."""
    return {metric["metric_name"]: metric["expression"] for metric in dataset["metrics"]}
