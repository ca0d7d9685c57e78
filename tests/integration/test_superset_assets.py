"""The Superset dashboard as code, without a Superset: it hangs together, and its figures are the marts' own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from dagster_project.publish.postgres import publish_to_postgres
from tests.conftest import Warehouse
from tests.integration.postgres_server import running_server
from tests.integration.superset_assets import (
    FOLDER,
    charts,
    columns,
    dashboard,
    database,
    datasets,
    metrics,
    query,
)

BY_NAME = {dataset["table_name"]: dataset for dataset in datasets().values()}
CHARTS = {chart["slice_name"]: chart for chart in charts().values()}
MONTHLY = BY_NAME["dealtrail_monthly_metrics"]
#: What DuckDB calls the types that the datasets name.
FAMILIES = {
    "DATE": ("DATE",),
    "TIMESTAMP": ("TIMESTAMP",),
    "VARCHAR": ("VARCHAR",),
    "BOOLEAN": ("BOOLEAN",),
    "BIGINT": ("BIGINT", "INTEGER"),
    "DOUBLE PRECISION": ("DOUBLE",),
    "DECIMAL(18,2)": ("DECIMAL(18,2)",),
}


def in_zip(database: str, out: Path) -> dict[str, str]:
    command = [sys.executable, str(FOLDER / "build.py"), database, "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, cwd=out.parent)
    with ZipFile(out) as bundle:
        return {name: bundle.read(name).decode() for name in bundle.namelist()}


def selected(dataset: dict[str, Any], expressions: str, more: str = "") -> str:
    return f"select {expressions} from ({query(dataset)}) as asked {more}"


# the files


def test_charts_datasets_and_dashboard_name_each_other() -> None:
    uuids = [*datasets(), *charts(), database()["uuid"], dashboard()["uuid"]]
    assert len(uuids) == len(set(uuids))
    assert {dataset["database_uuid"] for dataset in datasets().values()} == {database()["uuid"]}
    assert {chart["dataset_uuid"] for chart in charts().values()} == set(datasets())
    shown = {part["meta"]["uuid"]: part for part in parts("CHART")}
    assert set(shown) == set(charts())
    assert len({part["meta"]["chartId"] for part in shown.values()}) == len(shown)
    for uuid, part in shown.items():
        assert part["meta"]["sliceName"]
        assert charts()[uuid]["viz_type"] == charts()[uuid]["params"]["viz_type"]


def parts(kind: str) -> list[dict[str, Any]]:
    position = dashboard()["position"].values()
    return [part for part in position if isinstance(part, dict) and part["type"] == kind]


def test_the_layout_is_a_tree_of_full_rows() -> None:
    position = dashboard()["position"]
    for name, part in position.items():
        if isinstance(part, dict):
            assert part["id"] == name
            for child in part.get("children", []):
                assert position[child]["parents"] == [*part.get("parents", []), name]
    for row in parts("ROW"):
        assert sum(position[child]["meta"]["width"] for child in row["children"]) == 12


def test_filters_name_columns_tabs_and_charts_that_exist() -> None:
    tabs = {tab["id"] for tab in parts("TAB")}
    numbers = {part["meta"]["chartId"] for part in parts("CHART")}
    filters = dashboard()["metadata"]["native_filter_configuration"]
    names = {one["id"] for one in filters}
    for one in filters:
        assert one["description"]
        assert set(one["scope"]["rootPath"]) <= tabs and set(one["scope"]["excluded"]) <= numbers
        assert set(one["cascadeParentIds"]) <= names
        for target in filter(None, one["targets"]):
            column = target["column"]["name"]
            assert column in columns(datasets()[target["datasetUuid"]])
            # a filter that a chart in its scope cannot follow would be passed over in silence
            assert {chart["slice_name"] for chart in in_scope(one) if column not in columns(of(chart))} == set()


def filter_named(name: str) -> dict[str, Any]:
    filters = dashboard()["metadata"]["native_filter_configuration"]
    (found,) = [one for one in filters if one["name"] == name]
    return dict(found)


def in_scope(one: dict[str, Any]) -> list[dict[str, Any]]:
    scope = one["scope"]
    return [
        charts()[part["meta"]["uuid"]]
        for part in parts("CHART")
        if set(scope["rootPath"]) & set(part["parents"]) and part["meta"]["chartId"] not in scope["excluded"]
    ]


def of(chart: dict[str, Any]) -> dict[str, Any]:
    return datasets()[chart["dataset_uuid"]]


def test_the_zip_is_the_folder_with_a_database(tmp_path: Path) -> None:
    files = in_zip("pipeline.duckdb", tmp_path / "one.zip")
    assert {name.removeprefix("dealtrail/") for name in files} == {
        path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.yaml")
    }
    in_zip("pipeline.duckdb", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_duckdb_file_is_read_only_by_the_link_that_nights_switch(sample: Warehouse, tmp_path: Path) -> None:
    path = sample.path / "pipeline.duckdb"
    assert path.is_symlink()
    written = yaml.safe_load(in_zip(str(path), tmp_path / "d.zip")["dealtrail/databases/Dealtrail.yaml"])
    assert written["sqlalchemy_uri"] == f"duckdb:///{path}"
    assert written["extra"]["engine_params"]["connect_args"]["read_only"] is True
    assert written["uuid"] == database()["uuid"]


def test_another_database_is_given_as_it_is(tmp_path: Path) -> None:
    uri = "postgresql+psycopg2://reader:XXXXXXXXXX@db.example:5432/crm"
    written = yaml.safe_load(in_zip(uri, tmp_path / "p.zip")["dealtrail/databases/Dealtrail.yaml"])
    assert (written["sqlalchemy_uri"], written["extra"]["engine_params"]) == (uri, {})


# what it asks


@pytest.mark.parametrize("name", BY_NAME)
def test_columns_are_there_in_the_types_they_say(sample: Warehouse, name: str) -> None:
    dataset = BY_NAME[name]
    named = ", ".join(f'{sql} as "{column}"' for column, sql in columns(dataset).items())
    described = {column: kind for column, kind, *_ in sample.rows("describe " + selected(dataset, named))}
    for column in dataset["columns"]:
        kind = described[column["column_name"]]
        assert kind in FAMILIES[column["type"]], column
        assert column.get("is_dttm", False) == (kind in ("DATE", "TIMESTAMP")), column
    assert dataset.get("main_dttm_col") in {None, *described}


@pytest.mark.parametrize("title", CHARTS)
def test_a_chart_asks_for_what_its_dataset_has(sample: Warehouse, title: str) -> None:
    """And finds some: no chart of the sample is empty."""
    params, dataset = CHARTS[title]["params"], of(CHARTS[title])
    assert CHARTS[title]["description"]
    named = [params.get(name) for name in ("metric", "timeseries_limit_metric")]
    named += [*params.get("metrics", []), *params.get("metrics_b", [])]
    asked = set(filter(None, named))
    grouped = [*params.get("groupby", []), *params.get("groupby_b", []), *filter(None, [params.get("x_axis")])]
    ordered = [json.loads(order)[0] for order in params.get("order_by_cols", [])]
    filters = [*params["adhoc_filters"], *params.get("adhoc_filters_b", [])]
    about = {one["subject"] for one in filters if one["expressionType"] == "SIMPLE"}
    raw = params.get("all_columns", [])
    assert {*grouped, *raw, *about} <= set(columns(dataset))
    assert set(params.get("column_config", {})) <= {*columns(dataset), *metrics(dataset)}

    asked_for = [one["sqlExpression"] for one in filters if one["expressionType"] == "SQL"]
    if CHARTS[title] in in_scope(filter_named("Metrics of")):
        asked_for.append("grain = 'all'")
    where = " and ".join(f"({condition})" for condition in ["1 = 1", *asked_for])
    groups = [columns(dataset)[column] for column in grouped]
    expressions = [metrics(dataset)[metric] for metric in sorted(asked)]
    shown = [*(columns(dataset)[column] for column in raw), *groups, *expressions]
    tail = f"where {where}"
    tail += f" group by {', '.join(groups)}" if groups else ""
    tail += f" order by {', '.join(ordered)}" if ordered else ""
    rows = sample.rows(selected(dataset, ", ".join(shown), tail))
    assert any(value is not None for row in rows for value in row[len(groups) :])


@pytest.mark.parametrize(
    ("name", "grain"),
    [
        ("dealtrail_monthly_metrics", ["month", "grain", "grain_value"]),
        ("mart_stage_metrics", ["month", "source", "pipeline", "stage"]),
        ("mart_funnel", ["month", "source", "pipeline", "entity", "step"]),
        ("mart_pipeline_movements", ["month", "source", "pipeline"]),
        ("mart_pipeline_daily", ["date_day", "source", "pipeline", "stage"]),
        ("dealtrail_hygiene_scores", ["date_day", "source", "pipeline", "owner_key"]),
    ],
)
def test_at_its_grain_a_metric_is_the_marts_own_column(sample: Warehouse, name: str, grain: list[str]) -> None:
    """A ratio made of counts is the published ratio, in every row; a metric of the mart's name means the same."""
    dataset = BY_NAME[name]
    held = {column for column, *_ in sample.rows("describe " + query(dataset))}
    same = {metric: sql for metric, sql in metrics(dataset).items() if metric in held}
    assert len(same) >= 2
    for metric, sql in same.items():
        compared = f"{', '.join(grain)}, {sql} as made, max({metric}) as held"
        differs = f"""
            select count(*) from ({selected(dataset, compared, f"group by {', '.join(grain)}")})
            where made is distinct from held and not coalesce(abs(made - held) <= 1e-9 * abs(held), false)
        """
        assert sample.value(differs) == 0, metric


def test_grains_are_never_added_up(sample: Warehouse) -> None:
    """Over rows of several grains every metric is empty; over several months of one, what cannot be combined is."""
    expressions = ", ".join(metrics(MONTHLY).values())
    assert set(sample.rows(selected(MONTHLY, expressions))[0]) == {None}
    months = dict(
        zip(metrics(MONTHLY), sample.rows(selected(MONTHLY, expressions, "where grain = 'all'"))[0], strict=True)
    )
    assert {metric for metric, value in months.items() if value is None} == {
        "sales_cycle_days",
        "sales_cycle_days_median",
        "pipeline_velocity_per_day",
        "cac",
        "clv_to_cac",
    }
    owners = sample.rows(selected(MONTHLY, metrics(MONTHLY)["deals_won"], "where grain = 'owner'"))
    assert owners == [(months["deals_won"],)]


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        *(("mart_pipeline_movements", metric) for metric in ("opening_amount", "closing_amount")),
        *(("mart_pipeline_daily", metric) for metric in ("open_amount", "open_deals")),
        *(("mart_forecast", metric) for metric in ("low", "high")),
        *(("mart_time_in_stage", metric) for metric in ("km_median", "plain_median")),
    ],
)
def test_stocks_intervals_and_medians_are_never_added_up(sample: Warehouse, name: str, metric: str) -> None:
    assert sample.value(selected(BY_NAME[name], "count(*)")) > 1
    assert sample.value(selected(BY_NAME[name], metrics(BY_NAME[name])[metric])) is None


def test_every_chart_of_monthly_metrics_keeps_to_one_grain() -> None:
    by_filter = filter_named("Metrics of")
    assert by_filter["defaultDataMask"]["filterState"]["value"] == ["all"]
    assert by_filter["controlValues"] == {**by_filter["controlValues"], "multiSelect": False, "enableEmptyFilter": True}
    filtered = {chart["uuid"] for chart in in_scope(by_filter)}
    for chart in charts().values():
        if of(chart) == MONTHLY and chart["uuid"] not in filtered:
            assert any("grain = " in one.get("sqlExpression", "") for one in chart["params"]["adhoc_filters"])


def test_no_tooltip_adds_up_what_does_not_stand_on_another() -> None:
    """Superset's tooltip shows a total of all series unless told not to: of win rates, say."""
    series = [one for one in charts().values() if one["viz_type"].startswith(("echarts_", "mixed_"))]
    assert series
    for one in series:
        assert one["params"]["showTooltipTotal"] is (one["params"].get("stack") == "Stack"), one["slice_name"]


def test_tables_show_names_as_text_and_not_as_html() -> None:
    tables = [chart for chart in charts().values() if chart["viz_type"] == "table"]
    assert tables and all(chart["params"]["allow_render_html"] is False for chart in tables)


# on Postgres


@pytest.fixture(scope="module")
def on_postgres(sample: Warehouse) -> Iterator[Any]:
    with running_server() as server:
        database = server.database()
        publish_to_postgres(sample.path / "pipeline.duckdb", database.target, "superset")
        yield database


@pytest.mark.parametrize("name", BY_NAME)
def test_postgres_understands_it_and_says_the_same(sample: Warehouse, on_postgres: Any, name: str) -> None:
    dataset = BY_NAME[name]
    for column, sql in columns(dataset).items():
        asked = selected(dataset, f"count(distinct {sql})")
        assert int(on_postgres.value(asked)) == sample.value(asked), column
    for metric, sql in metrics(dataset).items():
        asked = selected(dataset, sql, "where grain = 'all'" if dataset == MONTHLY else "")
        here, there = sample.value(asked), on_postgres.value(asked)
        assert there == "" if here is None else there == str(here) or float(there) == pytest.approx(float(here)), metric
