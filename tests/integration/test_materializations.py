"""How a table is made (dbt/macros/materializations.sql): with what its YAML promises, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.transform.project import DBT_DIR, DBT_EXECUTABLE

_PROJECT = """\
name: tables
version: "1.0.0"
profile: tables
models:
  +materialized: table
  +contract: {enforced: true}
  +persist_docs: {relation: true, columns: true}
"""
_PROFILE = """\
tables:
  target: dev
  outputs:
    dev: {type: duckdb, path: tables.duckdb}
"""
#: What each model's YAML promises.
_COLUMNS = {"deals": "integer", "stage": "varchar", "amount": "decimal(18, 2)"}
_MODELS = {
    "right": "select 1 as deals, 'x' as stage, 2.50::decimal(18, 2) as amount",
    "wrong_type": "select 1::bigint as deals, 'x' as stage, 2.50::decimal(18, 2) as amount",
    "wrong_precision": "select 1 as deals, 'x' as stage, 2.50::decimal(18, 4) as amount",
    "wrong_order": "select 'x' as stage, 1 as deals, 2.50::decimal(18, 2) as amount",
    "too_few": "select 1 as deals, 'x' as stage",
    "too_many": "select 1 as deals, 'x' as stage, 2.50::decimal(18, 2) as amount, 0 as more",
}
_SAID = {
    "wrong_type": "wrong_type breaks its contract: column 1 is deals BIGINT, not deals INTEGER",
    "wrong_precision": "column 3 is amount DECIMAL(18,4), not amount DECIMAL(18,2)",
    "wrong_order": "column 1 is stage VARCHAR, not deals INTEGER; column 2 is deals INTEGER, not stage VARCHAR",
    "too_few": "column 3 is missing, not amount DECIMAL(18,2)",
    "too_many": "column 4 is more INTEGER, not promised",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The database, and what dbt says of each model."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "models").mkdir()
    (folder / "macros").mkdir()
    shutil.copy(DBT_DIR / "macros" / "materializations.sql", folder / "macros")
    (folder / "dbt_project.yml").write_text(_PROJECT, encoding="utf-8")
    (folder / "profiles.yml").write_text(_PROFILE, encoding="utf-8")
    for name, sql in _MODELS.items():
        (folder / "models" / f"{name}.sql").write_text(sql, encoding="utf-8")
        columns = [
            {"name": column, "data_type": kind, "description": f'It\'s the {column}: "$1"'}
            for column, kind in _COLUMNS.items()
        ]
        model = {"name": name, "description": f"About {name}.", "columns": columns}
        (folder / "models" / f"{name}.yml").write_text(json.dumps({"version": 2, "models": [model]}), encoding="utf-8")
    subprocess.run(
        [str(DBT_EXECUTABLE), "--quiet", "run", "--project-dir", str(folder), "--profiles-dir", str(folder)],
        cwd=folder,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True,
        check=False,
    )
    results = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return folder / "tables.duckdb", {result["unique_id"].split(".")[-1]: result for result in results}


def test_a_table_that_keeps_its_contract_is_made_with_its_comments(
    built: tuple[Path, dict[str, dict[str, Any]]],
) -> None:
    database, results = built
    assert results["right"]["status"] == "success"
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("from main.right").fetchall() == [(1, "x", 2.5)]
        tables = connection.execute("select comment from duckdb_tables() where table_name = 'right'").fetchall()
        columns = connection.execute("select comment from duckdb_columns() where table_name = 'right'").fetchall()
    assert tables == [("About right.",)]
    assert columns == [(f'It\'s the {column}: "$1"',) for column in _COLUMNS]


@pytest.mark.parametrize("model", _SAID)
def test_a_table_that_breaks_its_contract_is_an_error_that_names_the_column(
    built: tuple[Path, dict[str, dict[str, Any]]], model: str
) -> None:
    _, results = built
    assert results[model]["status"] == "error"
    assert _SAID[model] in " ".join(results[model]["message"].split())


def test_every_model_that_breaks_its_contract_is_tried() -> None:
    assert set(_MODELS) == {"right", *_SAID}
