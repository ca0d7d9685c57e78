"""What Dagster shows: groups that read like the picture, checks with severities, the schedule, the sensor."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import dagster as dg
import pytest

from tests.conftest import PROJECT, Warehouse


@pytest.fixture(scope="module")
def definitions(sample: Warehouse) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIPELINE_CONFIG", str(PROJECT / "pipeline.yml"))
        patch.setenv("WAREHOUSE_DIR", str(sample.path))
        for name in ("LANDING_DIR", "AS_OF"):
            patch.delenv(name, raising=False)
        from dagster_project import definitions

        yield definitions


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


def test_publish_depends_on_every_asset_that_carries_a_check(definitions: ModuleType) -> None:
    assets = graph(definitions)
    upstream = set(assets.get(dg.AssetKey(["publish", "pipeline_duckdb"])).parent_keys)
    checked = {key.asset_key for key in assets.asset_check_keys}
    assert {key for key in checked if key.path[0] != "publish"} <= upstream


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
