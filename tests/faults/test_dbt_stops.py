"""A model that cannot be built, and a test of dbt that fails: both are said by name, and nothing is published."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.assets.transform import explain_failure
from dagster_project.config.load import load_settings
from dagster_project.errors import DealtrailError
from dagster_project.run.nightly import nightly_run
from dagster_project.transform import dbt_build
from dagster_project.transform.dbt_build import Built, Unmade
from tests.faults import crm
from tests.faults.nights import Nights


def said_by_duckdb(**limits: str) -> str:
    """Its own words for a query that is too large for such limits."""
    with duckdb.connect(config={"preserve_insertion_order": False}) as connection:
        for name, limit in limits.items():
            connection.execute(f"set {name} = '{limit}'")
        with pytest.raises(duckdb.OutOfMemoryException) as raised:
            connection.execute("create table t as select md5(i::varchar) as a from range(3000000) as t(i) order by a")
        return str(raised.value)


def test_a_disk_too_full_to_spill_to_is_not_taken_for_too_little_memory(tmp_path: Path) -> None:
    said = {
        "too full": said_by_duckdb(
            memory_limit="40MB", max_temp_directory_size="10MB", temp_directory=str(tmp_path / "spilled")
        ),
        "more memory": said_by_duckdb(memory_limit="40MB", temp_directory=""),
    }
    with nightly_run(load_settings({"WAREHOUSE_DIR": str(tmp_path)}), "dbt") as run:
        for told, message in said.items():
            with pytest.raises(DealtrailError, match=told):
                explain_failure(run, Built(False, [], [Unmade("model.dealtrail.x", "error", None, message)]))


def test_dbt_that_is_stopped_leaves_the_database_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    closed: list[bool] = []

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dbt_build, "parsed_project", lambda _: b"")
    monkeypatch.setattr(dbt_build, "_unpacked", lambda _: None)
    monkeypatch.setattr(dbt_build, "build_with", stop)
    monkeypatch.setattr(DuckDBConnectionManager, "close_all_connections", lambda: closed.append(True))
    with pytest.raises(KeyboardInterrupt):
        dbt_build.build(load_settings({}), print)
    assert closed == [True]


def rename_a_column() -> None:
    """Of what the models read."""
    from dagster_project.assets import ingest

    original = ingest.prepare

    def prepare(connection: duckdb.DuckDBPyConnection, *rest: Any) -> None:
        original(connection, *rest)
        connection.execute("alter table config.run rename column timezone to zone")

    ingest.prepare = prepare  # type: ignore[assignment]


def test_a_model_that_cannot_be_built(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    crm.deliver(nights, (crm.deals, crm.DAYS[0]))
    night = nights.play(crm.FIRST, before=rename_a_column)
    assert night.status == 3
    assert (night.run_json["state"], night.run_json["failed_step"]) == ("failed", "transform")
    # the first of two models that are built at once
    assert re.match(r"dbt stopped: a\w+_rows: ", night.run_json["message"])
    assert "timezone" in night.run_json["message"] and "Traceback" not in night.output
    assert not (nights.warehouse / "current").exists()
    log = (nights.warehouse / "dbt" / "logs" / "dbt.log").read_text(encoding="utf-8")
    assert "accounts_rows" in log and "timezone" in log


def test_too_little_memory(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    nights.config.write_text(f"memory: 16MB\n{crm.CONFIG}", encoding="utf-8")
    crm.deliver(nights, (crm.deals, crm.DAYS[0]))
    night = nights.play(crm.FIRST)
    assert (night.status, night.run_json["failed_step"]) == (3, "transform")
    assert "raise `memory` in the configuration" in night.run_json["message"]
    assert "SET threads" not in night.output and not (nights.warehouse / "current").exists()


@pytest.mark.parametrize(
    ("unmade", "state", "said"),
    [
        (
            [("test.dealtrail.unique_x.ab12", "fail", 2, "Got 2 results")],
            "blocked",
            "dbt tests failed: unique_x (2 rows)",
        ),
        (
            [
                ("test.dealtrail.unique_x.ab12", "fail", 2, "Got 2 results"),
                ("model.dealtrail.x", "error", None, "out of memory"),
            ],
            "failed",
            "dbt stopped: x: out of memory",
        ),
        (
            [("model.dealtrail.x", "error", None, "IO Error: Could not write to file: No space left on device")],
            "failed",
            "The disk of WAREHOUSE_DIR is full: make room for the tables that are built and, twice that, for what is "
            "thrown away afterwards. The last publication stands. It stopped at x; see LOG.",
        ),
    ],
)
def test_what_a_person_can_act_on(
    tmp_path: Path, unmade: list[tuple[str, str, int | None, str]], state: str, said: str
) -> None:
    """A test that fails blocks the night; where a model failed as well, the test may have for want of it."""
    with nightly_run(load_settings({"WAREHOUSE_DIR": str(tmp_path)}), "dbt") as run:
        with pytest.raises(DealtrailError) as raised:
            explain_failure(run, Built(False, [], [Unmade(*one) for one in unmade]))
        told = str(raised.value).replace(str(tmp_path / "dbt" / "logs" / "dbt.log"), "LOG")
        assert (told, run.journal.state) == (said, state)
