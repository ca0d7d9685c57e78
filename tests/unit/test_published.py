"""A build whose fact lies in a folder beside it: read while it is checked, exported, published and moved."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from dagster_project.published import FOLDERS, opened
from dagster_project.run.databases import Databases
from dagster_project.run.export import export_tables
from dagster_project.transform.lake_views import search_path
from dagster_project.transform.warehouse import _allow_records


@pytest.fixture
def databases(tmp_path: Path) -> Databases:
    """A build of one table and one fact in a folder, held open as a night holds it."""
    building = tmp_path / "building"
    folder = building / FOLDERS / "marts" / "fct_deals"
    folder.mkdir(parents=True)
    (tmp_path / "lake").mkdir()
    made = Databases(building / "pipeline.duckdb")
    made.open(0)
    with made.connect() as connection:
        connection.execute(f"set file_search_path = '{search_path(tmp_path / 'lake')}'")
        connection.execute(f"copy (select 'D' || range as deal_key from range(3)) to '{folder / 'a.parquet'}'")
        connection.execute("create schema marts; create table marts.dim_stages as select 'New' as stage")
        connection.execute(
            "create view marts.fct_deals as select deal_key from read_parquet('marts/fct_deals/*.parquet')"
        )
        connection.execute("create view marts.deals_wide as select * from marts.fct_deals")
        _allow_records(connection, tmp_path / "lake")
    return made


def test_checks_read_it_and_no_other_file(databases: Databases, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    with databases.connect() as connection:
        connection.execute("set enable_external_access = false")
    with databases.connect() as connection:
        assert connection.execute("select count(*) from marts.deals_wide").fetchall() == [(3,)]
        with pytest.raises(duckdb.PermissionException):
            connection.execute(f"from '{tmp_path / 'secret.csv'}'")
    databases.close()


def test_it_moves_with_what_is_exported_and_is_read_where_it_comes_to_lie(databases: Databases, tmp_path: Path) -> None:
    built = databases.built()
    version = tmp_path / "building" / "version"
    names = export_tables(built, "marts", version / "marts")
    assert names == ["deals_wide", "dim_stages", "fct_deals"]
    assert {path.name for path in (version / "marts").iterdir()} == {
        "deals_wide.parquet",
        "dim_stages.parquet",
        "fct_deals",
    }
    built.replace(version / "pipeline.duckdb")
    shutil.move(version, tmp_path / "moved")
    with opened(tmp_path / "moved" / "pipeline.duckdb") as connection:
        assert connection.execute("select deal_key from marts.deals_wide order by 1").fetchall() == [
            ("D0",),
            ("D1",),
            ("D2",),
        ]
