"""No number hangs on where NULLs stand in an order: Spark puts them elsewhere than DuckDB does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT, Warehouse, environment

#: A night in a DuckDB that orders NULLs as Spark does.
NIGHT = """
import sys
import duckdb
connect = duckdb.connect

def ordered(*given, **said):
    connection = connect(*given, **said)
    connection.execute("set global default_null_order = 'nulls_first_on_asc_last_on_desc'")
    return connection

duckdb.connect = ordered
from dagster_project.cli import main
sys.argv = ["dealtrail", "nightly"]
main()
"""


def test_the_order_of_nulls_changes_no_row(sample: Warehouse, tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse", 0, "")
    script = tmp_path / "night.py"
    script.write_text(NIGHT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=PROJECT,
        env=environment(PIPELINE_CONFIG="pipeline.yml", WAREHOUSE_DIR=warehouse.path),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for schema in ("marts", "quality"):
        here, there = sample.tables(schema), warehouse.tables(schema)
        assert [name for name in here if here[name] != there.get(name)] == []
