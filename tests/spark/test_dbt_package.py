"""The models as a dbt package in a project of somebody else's that builds on Spark: the tables of a night on DuckDB."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.config.models import Spark
from dagster_project.transform.spark.build import as_dbt_expects
from dagster_project.transform.spark.session import spark_session
from tests.conftest import DEALTRAIL, PROJECT, Warehouse, comparable, environment
from tests.spark.nights import night

pytestmark = pytest.mark.spark

EXAMPLE = PROJECT / "examples" / "dbt-package"


def project_for_spark(folder: Path) -> list[Path]:
    """The example as a project whose rows are in tables already; gives the files that these are made of.

    Seeds are not: dbt-spark writes an empty cell as the word None.
    """
    shutil.copytree(EXAMPLE, folder)
    files = sorted((folder / "seeds" / "crm").glob("*.csv"))
    for file in files:
        (folder / "models" / f"{file.stem}.sql").write_text(f"select * from raw.{file.stem}\n")
    profile = {"target": "dev", "outputs": {"dev": {"type": "spark", "method": "session", "schema": "analytics"}}}
    profile["outputs"]["dev"]["host"] = "NA"  # type: ignore[index]
    (folder / "profiles.yml").write_text(yaml.safe_dump({"my_analytics": profile}))
    project = yaml.safe_load((folder / "dbt_project.yml").read_text())
    (folder / "dbt_project.yml").write_text(yaml.safe_dump({**project, "seed-paths": ["none"]}))
    subprocess.run([DEALTRAIL, "dbt-package", "dealtrail"], cwd=folder, env=environment(), check=True, timeout=300)
    return files


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A folder with the tables as Parquet, by name, and what dbt found."""
    from dbt.cli.main import dbtRunner

    folder = tmp_path_factory.mktemp("package")
    tables = folder / "tables"
    files = project_for_spark(folder / "project")
    with (
        pytest.MonkeyPatch.context() as patched,
        spark_session(Spark(master="local[2]"), folder / "spark", rows=0) as spark,
        as_dbt_expects(),
    ):
        patched.chdir(folder / "project")
        patched.setenv("DBT_PROFILES_DIR", ".")
        patched.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        spark.sql("create schema raw")
        for file in files:
            spark.read.csv(str(file), header=True, inferSchema=True).write.saveAsTable(f"raw.{file.stem}")
        assert dbtRunner().invoke(["deps"]).success
        done = dbtRunner().invoke(["build"])
        assert done.success, done.exception
        for schema in ("analytics", "analytics_marts"):
            for table in spark.sql(f"show tables in {schema}").collect():
                spark.table(f"{schema}.{table.tableName}").write.parquet(str(tables / table.tableName))
    return tables, done.result


@pytest.fixture(scope="module")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return night("duckdb", tmp_path_factory.mktemp("night") / "warehouse", EXAMPLE / "pipeline.yml")


def test_nothing_of_it_fails_or_warns(built: tuple[Path, Any]) -> None:
    assert {str(one.status) for one in built[1]} == {"success", "pass"}


def test_the_tables_are_those_of_a_night_on_duckdb(built: tuple[Path, Any], on_duckdb: Warehouse) -> None:
    published = {
        name for (name,) in on_duckdb.rows("select table_name from duckdb_columns() where schema_name = 'marts'")
    }
    differing = {}
    for table in sorted(published - {"mart_deal_outlook"}):  # that tells the rules that a deal breaks
        relation = duckdb.sql(f"from read_parquet('{built[0] / table}/*.parquet')")
        listed = ", ".join(f'"{name}"' for name in relation.columns)
        here = sorted(map(repr, map(comparable, relation.fetchall())))
        there = sorted(map(repr, map(comparable, on_duckdb.rows(f"select {listed} from marts.{table}"))))
        if here != there:
            differing[table] = sorted({*here} ^ {*there})[:2]
    assert differing == {}


def test_a_model_of_ones_own_stands_on_it(built: tuple[Path, Any]) -> None:
    rows = duckdb.sql(f"from read_parquet('{built[0]}/wins_by_owner/*.parquet') order by 1").fetchall()
    assert [(name, won, float(amount)) for name, won, amount, _ in rows] == [
        ("Elif Åström", 1, 1500.0),
        ("Greta O'Brien", 0, 0.0),
    ]
