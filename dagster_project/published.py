"""A file of published tables, opened to be read: some of them may be views over Parquet files that lie beside it."""

from __future__ import annotations

from pathlib import Path

import duckdb

#: Beside a build, where the facts that are too large for its file lie until both are published.
FOLDERS = "folders"


def search_path(database: Path) -> str:
    """DuckDB's `file_search_path` for a file of published tables, whose views name files from where it lies.

    Of one that is still built, the folders lie in FOLDERS. The setting is a list that cannot hold a comma: no such view
    is made where the path has one (transform/spark/results.py).
    """
    return f"{database.parent},{database.parent / FOLDERS}"


def opened(database: Path) -> duckdb.DuckDBPyConnection:
    """The file, to be read and closed. Raises duckdb.Error where it cannot be opened."""
    connection = duckdb.connect(str(database), read_only=True)
    # without the word it would be this connection's alone, and not its cursors'
    connection.execute("set global file_search_path = ?", [search_path(database)])
    return connection
