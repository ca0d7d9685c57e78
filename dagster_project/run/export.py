"""Tables of a build as Parquet files."""

from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project import sql


def export_tables(database: Path, schema: str, target: Path) -> list[str]:
    """Writes every table of a schema as `<target>/<table>.parquet`; returns their names."""
    target.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            "select table_name from information_schema.tables where table_schema = ? "
            "and table_catalog = current_database() order by table_name",
            [schema],
        ).fetchall()
        for (table,) in rows:
            file = sql.text(target / f"{table}.parquet")
            # as small as on the level that is usual, in less time
            connection.execute(
                f"copy {schema}.{table} to {file} (format parquet, compression zstd, compression_level 1)"
            )
    return [row[0] for row in rows]
