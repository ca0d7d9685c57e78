"""Dagster's own storage in a Postgres, as deploy/dagster.yaml has it, shared by two warehouses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.night import close_killed_runs
from dagster_project.run.tags import WAREHOUSE_TAG
from tests.conftest import PROJECT
from tests.integration.postgres_server import running_server


@dg.op
def nothing() -> None: ...


@dg.job
def nightly() -> None:
    nothing()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    shutil.copy(PROJECT / "deploy" / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with running_server() as server:
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", server.database().url())
        with dg.DagsterInstance.get() as instance:
            yield instance


def test_a_night_closes_the_killed_runs_of_its_warehouse_and_no_others(instance: dg.DagsterInstance) -> None:
    assert nightly.execute_in_process(instance=instance).success
    ours, theirs = (
        instance.create_run_for_job(
            nightly, status=dg.DagsterRunStatus.STARTED, tags={WAREHOUSE_TAG: path, "dagster/max_retries": "1"}
        )
        for path in ("/srv/ours", "/srv/theirs")
    )
    close_killed_runs(instance, Path("/srv/ours"), once_more=False)
    closed, untouched = instance.get_run_by_id(ours.run_id), instance.get_run_by_id(theirs.run_id)
    assert closed and untouched
    assert (closed.status, untouched.status) == (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED)
    assert closed.tags["dagster/max_retries"] == "0", "the night that closed it is its second try"
    close_killed_runs(instance, Path("/srv/theirs"), once_more=True)
    restarted = instance.get_run_by_id(theirs.run_id)
    assert restarted and restarted.status == dg.DagsterRunStatus.FAILURE
    assert restarted.tags["dagster/max_retries"] == "1", "the daemon starts it again"
