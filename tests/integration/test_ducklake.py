"""A DuckLake catalog that has each publication as a snapshot."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from dagster_project import sql
from dagster_project.config.load import Settings, load_settings
from dagster_project.errors import ConfigurationError
from dagster_project.publish import ducklake
from dagster_project.publish.ducklake import DuckLakeError, forget_snapshots, publish_snapshot
from tests.conftest import PROJECT, Warehouse


@pytest.fixture
def settings(sample: Warehouse, tmp_path: Path) -> Settings:
    """Of a copy of the sample's warehouse, as it is published, with a catalog beside it."""
    version = (sample.path / "current").resolve()
    copy = tmp_path / "warehouse" / "versions" / version.name
    copy.mkdir(parents=True)
    for name in ("pipeline.duckdb", "violations.parquet"):
        shutil.copy(version / name, copy / name)
    (tmp_path / "warehouse" / "current").symlink_to(Path("versions") / version.name)
    its = load_settings(
        {"PIPELINE_CONFIG": str(PROJECT / "pipeline.yml"), "WAREHOUSE_DIR": str(tmp_path / "warehouse")}
    )
    return replace(its, ducklake=tmp_path / "lake")


def read(settings: Settings, query: str) -> list[tuple[object, ...]]:
    """As any reader of the catalog does."""
    with duckdb.connect() as connection:
        connection.execute(f"load {sql.text(ducklake.extension())}")
        connection.execute(f"attach {sql.text(f'ducklake:{settings.ducklake}/catalog.ducklake')} as lake (read_only)")
        return connection.execute(query).fetchall()


def change(settings: Settings, statement: str) -> None:
    """A publication that differs."""
    with duckdb.connect(str(settings.warehouse_dir / "current" / "pipeline.duckdb")) as connection:
        connection.execute(statement)


def test_each_publication_is_a_snapshot_and_stays_one(settings: Settings, sample: Warehouse) -> None:
    first = publish_snapshot(settings)
    deals = sample.value("select count(*) from marts.fct_deals")
    assert read(settings, "select count(*) from lake.marts.fct_deals") == [(deals,)]
    assert publish_snapshot(settings).snapshot is None, "nothing is new"
    change(settings, "delete from marts.fct_deals where status = 'lost'")
    change(settings, "drop table marts.fct_spend")
    change(settings, "alter table marts.fct_customer_months add column news integer")
    second = publish_snapshot(settings)
    assert second.changed_tables == 3
    assert first.snapshot is not None and second.snapshot is not None
    assert read(settings, "select count(*) from lake.marts.fct_deals where status = 'lost'") == [(0,)]
    assert read(settings, f"select count(*) from lake.marts.fct_deals at (version => {first.snapshot})") == [(deals,)]
    gone = "select count(*) from duckdb_tables() where database_name = 'lake' and table_name = 'fct_spend'"
    assert read(settings, gone) == [(0,)]
    assert read(settings, "select author from ducklake_snapshots('lake') where snapshot_id > 0") == [("dealtrail",)] * 2


def test_the_catalog_has_every_table_of_the_publication(settings: Settings, sample: Warehouse) -> None:
    publish_snapshot(settings)
    tables = sample.rows("select table_schema, table_name from information_schema.tables where table_type <> 'VIEW'")
    query = "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
    assert sorted(read(settings, query)) == sorted(tables)


def test_a_publication_that_fails_leaves_what_was_there(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish_snapshot(settings)
    change(settings, "delete from marts.fct_deals")
    real = ducklake._replaced

    def cut_off(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
        if schema == "quality":
            raise duckdb.IOException("No space left on device")
        return real(connection, schema)

    monkeypatch.setattr(ducklake, "_replaced", cut_off)
    with pytest.raises(DuckLakeError, match="No space left on device"):
        publish_snapshot(settings)
    assert read(settings, "select max(snapshot_id) from ducklake_snapshots('lake')") == [(first.snapshot,)]
    assert read(settings, "select count(*) > 0 from lake.marts.fct_deals") == [(True,)]


def test_forgetting_leaves_no_trace_in_the_catalog(settings: Settings) -> None:
    assert forget_snapshots(settings) is None, "there is none yet"
    change(settings, "update marts.fct_deals set deal_name = 'Zebulon Quaxworthy' where status = 'open'")
    publish_snapshot(settings)
    change(settings, "update marts.fct_deals set deal_name = 'deal' where status = 'open'")
    publish_snapshot(settings)
    assert settings.ducklake is not None
    # the extension keeps the least and the greatest text of a column in the catalog
    assert forget_snapshots(settings) == 3
    files = [path for path in settings.ducklake.rglob("*") if path.is_file()]
    assert files and not [path for path in files if b"Quaxworthy" in path.read_bytes()]
    assert read(settings, "select count(*) > 0 from lake.marts.fct_deals") == [(True,)]


def test_without_a_folder_it_says_what_to_write(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="ducklake is not set"):
        publish_snapshot(replace(settings, ducklake=None))
