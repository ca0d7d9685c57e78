"""How many cells of a delivery's columns are empty, from the statistics of its files."""

from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project.lake.manifest import FileRecord


def filled_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """The columns of a Parquet file that are not NULL throughout."""
    return [column for _, column, cells, nulls in null_counts(connection, [path]) if cells > nulls]


def null_counts(connection: duckdb.DuckDBPyConnection, paths: list[Path]) -> list[tuple[Path, str, int, int]]:
    """File, canonical column, cells and NULLs among them, from the statistics of lake files; of empty files nothing."""
    if not paths:
        return []
    rows = connection.execute(
        """
        select file_name, path_in_schema, sum(num_values), sum(coalesce(stats_null_count, 0))
        from parquet_metadata(?)
        where not starts_with(path_in_schema, '_')
        group by file_name, path_in_schema
        order by file_name, path_in_schema
        """,
        [[str(path) for path in paths]],
    ).fetchall()
    return [(Path(file), column, int(cells), int(nulls)) for file, column, cells, nulls in rows]


def null_counts_of(
    connection: duckdb.DuckDBPyConnection, records: list[FileRecord], lake_dir: Path
) -> list[tuple[FileRecord, str, int, int]]:
    """The same of records: what is compacted, which only a look at the past asks for, is counted row by row."""
    single = {record.path(lake_dir, "parquet"): record for record in records if not record.compacted}
    counts = [
        (single[path], column, cells, nulls) for path, column, cells, nulls in null_counts(connection, list(single))
    ]
    together: dict[Path, dict[str, FileRecord]] = {}
    for record in records:
        if record.compacted:
            together.setdefault(record.path(lake_dir, "parquet"), {})[record.file_id] = record
    for path, of_file in together.items():
        columns = sorted({column for record in of_file.values() for column in record.columns})
        rows = connection.execute(
            f"select _file_id, count(*), {', '.join(f'count({column})' for column in columns)} "
            "from read_parquet(?) where _file_id in (select unnest(?)) group by _file_id order by _file_id",
            [str(path), list(of_file)],
        ).fetchall()
        counts += [
            (of_file[file_id], column, cells, cells - values)
            for file_id, cells, *filled in rows
            for column, values in zip(columns, filled, strict=True)
            if column in of_file[file_id].columns
        ]
    return counts
