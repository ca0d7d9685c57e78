"""What the checks find, as columns: tonight's stands in the schema `checks`, that of earlier nights in `lake`."""

from __future__ import annotations

import duckdb

from dagster_project.transform.tables import create_table

_VIOLATION = dict.fromkeys(
    (
        *("rule", "severity", "entity", "record_key", "source", "pipeline", "owner_key"),
        *("observed", "allowed", "message"),
    ),
    "varchar",
)
_WHEN = {"as_of": "timestamp", "run_id": "varchar", "seen_on": "date"}

#: The tables of the schema `checks`. Empty until the expectations are evaluated (quality/evaluate.py).
CHECK_TABLES = {
    "results": {
        "suite": "varchar",
        "expectation": "varchar",
        "table_name": "varchar",
        "severity": "varchar",
        "applies": "boolean",
        "not_applied_to": "varchar",
        "success": "boolean",
        "evaluated": "bigint",
        "unexpected": "bigint",
    },
    "violations": _VIOLATION,
}

#: Folder of the lake → what a night's record there holds; of a night that found nothing, one row that says when.
RECORDS = {
    "violations": _WHEN | _VIOLATION,
    "scores": _WHEN
    | {
        "source": "varchar",
        "pipeline": "varchar",
        "owner_key": "varchar",
        "open_deals": "bigint",
        "clean_deals": "bigint",
        "open_amount": "decimal(18, 2)",
        "clean_amount": "decimal(18, 2)",
    },
}


def create_check_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables of `checks`, without rows."""
    for name, columns in CHECK_TABLES.items():
        create_table(connection, f"checks.{name}", columns, [])
