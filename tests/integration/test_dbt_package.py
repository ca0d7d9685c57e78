"""The example of a dbt project that has our models as a package: the same tables as a night over the same rows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml

from dagster_project.config.load import load_settings
from dagster_project.errors import ConfigurationError
from dagster_project.transform.dbt_package import write_package
from tests.conftest import DEALTRAIL, PROJECT, Warehouse, comparable, environment, run_nightly

EXAMPLE = PROJECT / "examples" / "dbt-package"
DBT = Path(sys.executable).with_name("dbt")


def run(folder: Path, *command: str | Path) -> str:
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "DBT_PROFILES_DIR": str(folder)}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment() | quiet,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The example, built as its README says, and what dbt said."""
    folder = tmp_path_factory.mktemp("dbt") / "example"
    shutil.copytree(EXAMPLE, folder)
    assert "It reads crm_deals, crm_changes" in run(folder, DEALTRAIL, "dbt-package", "dealtrail")
    run(folder, DBT, "deps")
    return folder, run(folder, DBT, "build")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = run_nightly(tmp_path_factory.mktemp("night") / "warehouse", EXAMPLE / "pipeline.yml")
    assert warehouse.status == 0, warehouse.output
    return warehouse


def test_it_builds_without_a_warning(built: tuple[Path, str]) -> None:
    assert "WARN=0 ERROR=0 SKIP=0" in built[1] and "WARNING" not in built[1]


def test_the_tables_are_those_of_a_night_over_the_same_rows(built: tuple[Path, str], night: Warehouse) -> None:
    with duckdb.connect(str(built[0] / "analytics.duckdb"), read_only=True) as connection:
        described = connection.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'analytics_marts' order by all"
        ).fetchall()
        columns: dict[str, list[str]] = {}
        for table, column in described:
            columns.setdefault(table, []).append(column)
        differing, empty = [], []
        for table, names in columns.items():
            listed = ", ".join(f'"{name}"' for name in names)
            ours = connection.execute(f"select {listed} from analytics_marts.{table}").fetchall()
            theirs = night.rows(f"select {listed} from marts.{table}")
            if sorted(map(repr, map(comparable, ours))) != sorted(map(repr, map(comparable, theirs))):
                differing.append(table)
            if not ours:
                empty.append(table)
    assert differing == []
    published = {name for (name,) in night.rows("select table_name from duckdb_columns() where schema_name = 'marts'")}
    # it tells the rules that a deal breaks
    assert columns.keys() == published - {"mart_deal_outlook"}
    assert {"fct_deals", "fct_stage_transitions", "mart_monthly_metrics", "mart_quarter_outlook"}.isdisjoint(empty)


def test_a_model_of_ones_own_stands_on_it(built: tuple[Path, str]) -> None:
    with duckdb.connect(str(built[0] / "analytics.duckdb"), read_only=True) as connection:
        rows = connection.execute("from analytics.analytics.wins_by_owner order by 1").fetchall()
    # D4 was won at half past eleven at night in UTC, which is the third of December in Berlin; D2 was lost
    assert [(name, won, float(amount or 0), rate) for name, won, amount, rate in rows] == [
        ("Elif Åström", 1, 1500.0, 1.0),
        ("Greta O'Brien", 0, 0.0, 0.0),
    ]


def test_the_models_it_reads_can_be_named_otherwise_and_lack_columns(built: tuple[Path, str]) -> None:
    folder = built[0]
    project = yaml.safe_load((folder / "dbt_project.yml").read_text())
    project["vars"]["dealtrail_crm_deals"] = "my_deals"
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (folder / "models" / "my_deals.sql").write_text("select 'X1' as deal_id, 'New' as stage, 5 as amount")
    run(folder, DBT, "build", "--select", "+deals_rows", "--exclude-resource-type", "test")
    with duckdb.connect(str(folder / "analytics.duckdb"), read_only=True) as connection:
        query = "select deal_id, stage, amount::double, owner_id from analytics_staging.deals_rows"
        assert connection.execute(query).fetchall() == [("X1", "New", 5.0, None)]


def test_no_folder_of_somebody_elses_is_written_over(tmp_path: Path) -> None:
    settings = load_settings({"PIPELINE_CONFIG": str(EXAMPLE / "pipeline.yml"), "WAREHOUSE_DIR": str(tmp_path / "w")})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dbt_project.yml").write_text("name: mine\n")
    with pytest.raises(ConfigurationError, match="holds files that are no package of ours"):
        write_package(settings, tmp_path / "mine")
    assert (tmp_path / "mine" / "dbt_project.yml").read_text() == "name: mine\n"
    write_package(settings, tmp_path / "ours")
    write_package(settings, tmp_path / "ours")
    assert "env_var" not in "".join(path.read_text() for path in (tmp_path / "ours").rglob("*.sql"))
    assert (tmp_path / "ours" / "models" / "staging" / "inputs" / "lake_deals.sql").exists()
    # Spark compares names without accents by a list of letters; a night hands it over in its environment
    assert "çèéê" in (tmp_path / "ours" / "macros" / "dialect.sql").read_text(encoding="utf-8")
