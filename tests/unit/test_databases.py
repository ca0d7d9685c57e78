"""Where `work` lies, who meets it, and what is left when it is thrown away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from dagster_project.config.load import read_configuration
from dagster_project.errors import DealtrailError
from dagster_project.run.databases import Databases
from dagster_project.transform.warehouse import prepare
from tests.conftest import PROJECT


@pytest.mark.parametrize(("rows", "is_a_file"), [(0, False), (1_000, False), (10**12, True)])
def test_what_does_not_fit_into_memory_is_a_file(tmp_path: Path, rows: int, is_a_file: bool) -> None:
    databases = Databases(tmp_path / "pipeline.duckdb")
    databases.open(rows)
    with databases.connect() as connection:
        connection.execute("create table work.t as select 1 as one")
    assert (tmp_path / "work.duckdb").exists() == is_a_file
    # as dbt does: the same file, in the same process
    with duckdb.connect(str(tmp_path / "pipeline.duckdb")) as other:
        other.execute(f"attach if not exists '{tmp_path / 'elsewhere.duckdb'}' as work")
        assert other.execute("from work.t").fetchall() == [(1,)]
        other.execute("create table kept as from work.t")
    assert not (tmp_path / "elsewhere.duckdb").exists()
    databases.close()
    with duckdb.connect(str(databases.built()), read_only=True) as published:
        assert published.execute("from kept").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("memory", "rows", "limit", "is_a_file"),
    [
        (None, 10**12, "5.5 GiB", True),  # it spills anyway
        ("2GB", 900_000, "1.8 GiB", False),
        ("2GB", 1_100_000, "1.8 GiB", True),
        ("300GB", 10**7, "279.3 GiB", False),
    ],
)
def test_memory_is_bounded_where_work_is_a_file(
    tmp_path: Path, memory: str | None, rows: int, limit: str, is_a_file: bool
) -> None:
    databases = Databases(tmp_path / "pipeline.duckdb", memory)
    databases.open(rows)
    with databases.connect() as connection:
        assert connection.execute("select current_setting('memory_limit')").fetchone() == (limit,)
    assert (tmp_path / "work.duckdb").exists() == is_a_file
    databases.close()


def test_a_step_without_those_before_it_says_so(tmp_path: Path) -> None:
    databases = Databases(tmp_path / "pipeline.duckdb")
    for asked in (databases.connect, databases.built):
        with pytest.raises(DealtrailError, match="Run the job `nightly` as a whole"):
            asked()
    databases.close()


@pytest.mark.parametrize("folder", ["lake", "it's, a lake"])
def test_earlier_records_are_read_once_everything_else_is_shut(tmp_path: Path, folder: str) -> None:
    lake = tmp_path / folder
    for what in ("violations", "deals"):
        (lake / what).mkdir(parents=True)
        said = duckdb.sql("select 'r' as rule, timestamp '2025-01-01' as as_of")
        said.write_parquet(str(lake / what / "1.parquet"))
    databases = Databases(tmp_path / "pipeline.duckdb")
    databases.open(0)
    with databases.connect() as connection:
        config = read_configuration(PROJECT / "pipeline.yml")
        prepare(connection, config, [], lake, datetime(2026, 1, 1, tzinfo=UTC))
        connection.execute("set enable_external_access = false")
        assert connection.execute("select rule from lake.recorded_violations").fetchall() == [("r",)]
        with pytest.raises(duckdb.PermissionException):
            connection.execute("from read_parquet('deals/1.parquet')")
    databases.close()
