"""Tables of a build as Parquet files."""

from __future__ import annotations

from pathlib import Path

from dagster_project import sql
from dagster_project.published import FOLDERS, opened


def export_tables(database: Path, schema: str, target: Path) -> list[str]:
    """Writes every table of a schema as `<target>/<table>.parquet`; returns their names.

    One whose rows lie in a folder of Parquet files already moves there with it, as `<target>/<table>/`.
    """
    target.mkdir(parents=True, exist_ok=True)
    folders = database.parent / FOLDERS / schema
    with opened(database) as connection:
        rows = connection.execute(
            "select table_name from information_schema.tables where table_schema = ? "
            "and table_catalog = current_database() order by table_name",
            [schema],
        ).fetchall()
        for (table,) in rows:
            if (folders / table).is_dir():
                continue
            file = sql.text(target / f"{table}.parquet")
            # as small as on the level that is usual, in less time
            connection.execute(
                f"copy {schema}.{table} to {file} (format parquet, compression zstd, compression_level 1)"
            )
    for folder in sorted(folders.glob("*")):
        folder.replace(target / folder.name)
    return [row[0] for row in rows]
