"""Two runs at once, and readers of a publication that is replaced under them."""

from __future__ import annotations

import os

import pytest

from dagster_project.config.load import load_settings
from dagster_project.errors import RunInProgressError
from dagster_project.run.lock import lock
from dagster_project.run.nightly import nightly_run
from tests.faults import crm
from tests.faults.nights import Nights, fingerprints, forks
from tests.faults.week import Night, Reader

pytest_plugins = ["tests.faults.week"]


@pytest.fixture
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """A source with a first delivery, and no run yet."""
    nights = Nights(tmp_path_factory.mktemp("quiet"))
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    crm.deliver(nights, (crm.deals, crm.DAYS[0]))
    return nights


def test_a_second_run_says_who_is_running_and_exits_3(quiet: Nights) -> None:
    with lock.hold(quiet.warehouse):
        second = quiet.play(crm.FIRST)
    assert second.status == 3
    assert f"another run (process {os.getpid()})" in second.output and str(quiet.warehouse) in second.output
    assert "Traceback" not in second.output
    assert [path.name for path in quiet.warehouse.iterdir()] == [".lock"], "it touches nothing"


def test_a_run_that_dagster_starts_meets_the_same_lock(quiet: Nights) -> None:
    settings = load_settings({"PIPELINE_CONFIG": str(quiet.config), "WAREHOUSE_DIR": str(quiet.warehouse)})
    with forks.Pool(1) as pool:
        holder = pool.apply(_hold_for_good, (str(quiet.warehouse),))
        with pytest.raises(RunInProgressError, match=f"process {holder}"), nightly_run(settings, "second"):
            pass
    assert not (quiet.warehouse / "run.json").exists()
    with lock.hold(quiet.warehouse):
        pass  # the operating system took it from the process that ended


_held = []


def _hold_for_good(warehouse: str) -> int:
    from pathlib import Path

    hold = lock.hold(Path(warehouse))
    hold.__enter__()
    _held.append(hold)
    return os.getpid()


@pytest.mark.long
def test_of_two_runs_started_together_one_publishes_and_one_exits_3(quiet: Nights) -> None:
    one, two = quiet.start(crm.FIRST), quiet.start(crm.FIRST)
    assert sorted([one.wait(), two.wait()]) == [0, 3]
    assert len(list((quiet.warehouse / "versions").iterdir())) == 1
    assert fingerprints(quiet.warehouse)["link pipeline.duckdb"] == "current/pipeline.duckdb"


def test_a_reader_who_holds_the_database_open_keeps_its_whole_view(
    first: Night, last_and_reader: tuple[Night, Reader]
) -> None:
    _, reader = last_and_reader
    assert reader.before == first.tables
    assert reader.after == reader.before


def test_the_files_a_reader_had_resolved_stay_through_the_publish(last_and_reader: tuple[Night, Reader]) -> None:
    _, reader = last_and_reader
    assert len(reader.parquet_rows) >= 10
    assert {table: after for table, (before, after) in reader.parquet_rows.items() if before != after} == {}


def test_who_opens_it_after_the_publish_sees_the_new_one(first: Night, last: Night) -> None:
    new = last.rows("marts.fct_deals", "deal_key", "status")
    assert new != first.rows("marts.fct_deals", "deal_key", "status")
    assert ("crm:S3", "open") in new
    assert last.readable["link current"] != first.readable["link current"]
