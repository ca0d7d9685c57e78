"""What Dagster shows: groups that read like the picture, checks with severities, the schedule, the sensor."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest

from dagster_project.assets.links import link
from dagster_project.assets.schedules import expected
from dagster_project.config.load import load_settings
from dagster_project.transform.config_tables import CONFIG_TABLES
from dagster_project.transform.lake_views import LAKE_TABLES
from tests.conftest import PROJECT, Warehouse


@pytest.fixture(scope="module")
def definitions(sample: Warehouse) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIPELINE_CONFIG", str(PROJECT / "pipeline.yml"))
        patch.setenv("WAREHOUSE_DIR", str(sample.path))
        for name in ("LANDING_DIR", "AS_OF", "POSTGRES_URL"):
            patch.delenv(name, raising=False)
        # another test may have loaded them for another warehouse
        sys.modules.pop("dagster_project.definitions", None)
        yield import_module("dagster_project.definitions")


@pytest.fixture(scope="module")
def materialized(definitions: ModuleType, sample: Warehouse) -> dict[str, dict[str, Any]]:
    """What the sample's night told Dagster of each asset."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(sample.path / "dagster"))
        with dg.DagsterInstance.get() as instance:
            keys = [node.key for node in graph(definitions).asset_nodes]
            events = instance.get_latest_materialization_events(keys)
    return {
        key.to_user_string(): dict(event.asset_materialization.metadata)
        for key, event in events.items()
        if event and event.asset_materialization
    }


def graph(definitions: ModuleType) -> Any:
    return definitions.defs.resolve_asset_graph()


def test_groups_read_like_the_picture(definitions: ModuleType) -> None:
    groups = {node.group_name for node in graph(definitions).asset_nodes}
    assert groups == {
        "landing",
        "configuration",
        "lake",
        "staging",
        "intermediate",
        "marts",
        "quality",
        "publish",
    }


def test_an_asset_for_each_source_and_entity(definitions: ModuleType) -> None:
    keys = {node.key.to_user_string() for node in graph(definitions).asset_nodes if node.group_name == "landing"}
    assert {"landing/acme_salesforce/deals", "landing/boreal_pipedrive/deal_changes"} <= keys
    assert "landing/field_sheet/exchange_rates" in keys


#: Assets that are files or pages, and no tables.
PAGES = {"publish/report", "publish/data_docs"}
#: Where else it is published, as far as somebody says so.
BESIDES = {"publish/postgres", "publish/uploaded", "publish/ducklake"}
FILES = {"publish/pipeline_duckdb", "publish/marts_parquet", "lake/night_record", *BESIDES}


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_is_explained(definitions: ModuleType) -> None:
    nodes = list(graph(definitions).asset_nodes)
    assert len(nodes) > 150
    for node in nodes:
        key = node.key.to_user_string()
        assert len(node.description or "") > 15, key
        assert list(node.owners) == ["team:data"], key
        assert node.group_name != "default" and node.kinds, key
        assert node.metadata["docs"].value.endswith(".html") or ".html#" in node.metadata["docs"].value, key


def test_every_table_has_its_columns_before_or_after_its_first_night(
    definitions: ModuleType, materialized: dict[str, dict[str, Any]]
) -> None:
    for node in graph(definitions).asset_nodes:
        key = node.key.to_user_string()
        if key in PAGES | FILES:
            continue
        schema = node.metadata.get("dagster/column_schema") or materialized[key]["dagster/column_schema"]
        assert getattr(schema, "value", schema).columns, key
    columns = materialized["lake/deals"]["dagster/column_schema"].value.columns
    assert {"deal_id", "_extracted_at"} <= {column.name for column in columns}
    landing = graph(definitions).get(dg.AssetKey(["landing", "acme_salesforce", "deals"])).metadata
    assert any("from " in column.description for column in landing["dagster/column_schema"].columns)


def test_every_table_has_its_rows_after_a_night(
    definitions: ModuleType, sample: Warehouse, materialized: dict[str, dict[str, Any]]
) -> None:
    counts = {key: metadata.get("dagster/row_count") for key, metadata in materialized.items()}
    expected = {node.key.to_user_string() for node in graph(definitions).asset_nodes}
    assert set(counts) == expected - BESIDES - {"lake/night_record"}
    views = {
        node.key.to_user_string()
        for node in graph(definitions).asset_nodes
        if node.metadata.get("dagster-dbt/materialization_type") == "view"
    }
    assert {key for key, count in counts.items() if count is None} == PAGES | views
    for table in ("marts.fct_deals", "quality.hygiene_violations"):
        assert materialized[table.replace(".", "/")]["dagster/row_count"].value == sample.value(
            f"select count(*) from {table}"
        )
    published = sample.value("select sum(estimated_size)::bigint from duckdb_tables()")
    assert materialized["publish/pipeline_duckdb"]["dagster/row_count"].value == published


def test_a_model_leads_to_its_file_and_a_check_to_its_rule(definitions: ModuleType) -> None:
    node = graph(definitions).get(dg.AssetKey(["marts", "mart_funnel"]))
    assert node.metadata["docs"].value.endswith("docs/metrics.html#mart_funnel")
    assert node.metadata["dbt_docs"].value.endswith("docs/dbt.html#!/model/model.dealtrail.mart_funnel")
    (file,) = node.metadata["dagster/code_references"].code_references
    assert Path(file.file_path).is_file() and file.file_path.endswith("mart_funnel.sql")
    for check in definitions.defs.asset_checks:
        for spec in check.check_specs:
            if spec.metadata.get("suite"):
                assert "/docs/hygiene.html#" in spec.metadata["docs"].value


def test_links_are_links_where_a_web_server_has_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEALTRAIL_PAGES_URL", "https://pages.example/crm/")
    assert link(Path("/w"), "docs/index.html") == dg.MetadataValue.url("https://pages.example/crm/docs/index.html")


def test_what_is_published_is_expected_every_night(definitions: ModuleType) -> None:
    nodes = {node.key.to_user_string(): node for node in graph(definitions).asset_nodes}
    due = {key for key, node in nodes.items() if node.freshness_policy}
    # nothing is expected of a Postgres that there is not
    assert due == {key for key in nodes if key.startswith("publish/")} - BESIDES
    policy = nodes["publish/report"].freshness_policy
    assert (policy.deadline_cron, policy.timezone) == ("0 3 * * *", "Europe/Berlin")


def test_a_late_schedule_has_its_deadline_on_the_next_day(definitions: ModuleType) -> None:
    settings = load_settings()
    schedule = settings.config.schedule.model_copy(update={"at": "23:30"})
    late = replace(settings, config=settings.config.model_copy(update={"schedule": schedule}))
    policy: Any = expected(dg.AssetSpec(["publish", "report"], group_name="publish"), late).freshness_policy
    assert policy is not None
    assert policy.deadline_cron == "30 0 * * *"


def test_nothing_that_dagster_starts_runs_in_two_processes(definitions: ModuleType) -> None:
    repository = definitions.defs.get_repository_def()
    for job in repository.get_all_jobs():
        assert job.executor_def.name == "in_process", job.name


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"marts/fct_deals"}, "Run the job `nightly` as a whole"),
        # with all that it is built of from the lake, but for the models between
        ({*(f"lake/{name}" for name in LAKE_TABLES), *(f"config/{name}" for name in CONFIG_TABLES), "marts/fct_deals"},
         "built all in one go"),
    ],
    ids=["model", "model and lake"],
)  # fmt: skip
def test_a_part_of_the_job_says_that_it_is_a_part(
    definitions: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sample: Warehouse,
    part: set[str],
    said: str,
) -> None:
    warehouse = tmp_path / "warehouse"
    shutil.copytree(sample.path / "lake", warehouse / "lake")
    monkeypatch.setenv("WAREHOUSE_DIR", str(warehouse))
    keys = {dg.AssetKey(name.split("/")) for name in part}
    with dg.DagsterInstance.ephemeral() as instance:
        everything = definitions.defs.resolve_implicit_global_asset_job_def()
        job = everything.get_subset(asset_selection=keys, asset_check_selection=set())
        done = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not done.success
    run = json.loads((warehouse / "run.json").read_text(encoding="utf-8"))
    assert said in run["message"]


def test_publish_depends_on_every_asset_that_carries_a_check(definitions: ModuleType) -> None:
    assets = graph(definitions)
    upstream = set(assets.get(dg.AssetKey(["publish", "pipeline_duckdb"])).parent_keys)
    checked = {key.asset_key for key in assets.asset_check_keys}
    assert {key for key in checked if key.path[0] != "publish"} <= upstream


def test_a_past_night_is_a_night_without_its_publication(definitions: ModuleType) -> None:
    jobs = {name: definitions.defs.resolve_job_def(name) for name in ("nightly", "past_night")}
    nightly, past = ({node.name for node in job.graph.node_defs} for job in jobs.values())
    besides = {key.replace("/", "__") for key in BESIDES}
    assert nightly - past == {"publish", *besides, "publish__report_report_is_there"}
    assert past - nightly == {"lake__night_record"}
    assets = graph(definitions)
    upstream = assets.get(dg.AssetKey(["publish", "pipeline_duckdb"])).parent_keys
    assert assets.get(dg.AssetKey(["lake", "night_record"])).parent_keys == upstream


def test_critical_rules_block_and_others_do_not(definitions: ModuleType) -> None:
    specs = {spec.name: spec for check in definitions.defs.asset_checks for spec in check.check_specs}
    blocking = {name for name, spec in specs.items() if spec.blocking}
    assert {"row_balance", "entity_without_rows", "quarantine_share", "fact_key_deal_key"} <= blocking
    assert not blocking & {"stale_deal", "orphan_activity", "unmapped_stage"}
    assert specs["stale_deal"].metadata["severity"] == "warning"
    assert specs["stale_deal"].asset_key == dg.AssetKey(["marts", "fct_deals"])


def test_the_schedule_runs_at_the_configured_time(definitions: ModuleType) -> None:
    schedule = definitions.defs.resolve_schedule_def("every_night")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "Europe/Berlin")


def test_the_sensor_asks_for_a_run_once_per_change(definitions: ModuleType) -> None:
    sensor = definitions.defs.resolve_sensor_def("new_landing_files")
    with dg.DagsterInstance.ephemeral() as instance:
        first = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
        (request,) = first.run_requests or []
        # the run waits for files to be still as long as the sensor does
        assert request.tags["dealtrail/settle_seconds"] == "60"
        again = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=first.cursor))
        assert again.run_requests == []
        assert again.skip_message == "nothing new in landing"
