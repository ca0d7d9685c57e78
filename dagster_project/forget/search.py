"""Looks for a person in every file of a warehouse: byte for byte, compressed files and databases decoded."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from backports import zstd

from dagster_project import sql
from dagster_project.lake.erasure.rows import open_with
from dagster_project.lake.erasure.texts import Texts

_BLOCK = 1 << 24
_OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".zst": zstd.open}


@dataclass(frozen=True)
class Place:
    """A file that names a person, and where in it."""

    path: Path
    where: str

    def shown(self, warehouse_dir: Path) -> str:
        """As a person reads it."""
        return f"{self.path.relative_to(warehouse_dir)}{f' ({self.where})' if self.where else ''}"


def search(folder: Path, texts: Texts) -> Iterator[Place]:
    """Every place under a folder that holds one of the values."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        where = mentions(path, texts)
        if where is not None:
            yield Place(path, where)


def mentions(path: Path, texts: Texts) -> str | None:
    """Where a file holds one of the values: a table and column, or just somewhere (empty); None if it does not."""
    if not texts.needles:
        return None
    try:
        found = _in_tables(path, texts) if path.suffix in (".parquet", ".duckdb") else None
    except duckdb.Error:  # cut off in the middle: only its bytes can be looked at
        found = None
    if found is not None:
        return found
    return "" if any(map(texts.in_bytes, _blocks(path, texts))) else None


def _blocks(path: Path, texts: Texts) -> Iterator[bytes]:
    """A file's bytes, decoded, in pieces that overlap by the longest value."""
    overlap = max(map(len, texts.needles), default=0) * 4
    kept = b""
    with _OPENERS[path.suffix](path) if path.suffix in _OPENERS else path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield kept + block
            kept = block[-overlap:]


def _in_tables(path: Path, texts: Texts) -> str | None:
    """The first table and column of a file of tables that holds a value, and in how many rows."""
    with open_with(path, {"mentioned": texts.mentioned}) as connection:
        if path.suffix == ".parquet":
            return _in_table(connection, f"read_parquet({sql.text(path)})", texts)
        connection.execute(f"attach {sql.text(path)} as looked_at (read_only)")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'looked_at' order by all"
        ).fetchall()
        for schema, table in tables:
            found = _in_table(connection, f'looked_at."{schema}"."{table}"', texts)
            if found is not None:
                return f"{schema}.{table}, {found}"
    return None


def _in_table(connection: duckdb.DuckDBPyConnection, table: str, texts: Texts) -> str | None:
    described = connection.execute(f"describe from {table}").fetchall()
    columns = [row[0] for row in described if "VARCHAR" in row[1].upper()]
    if not columns:
        return None
    counts = []
    for column in columns:
        may = " or ".join(f'contains(lower("{column}"::varchar), {sql.text(needle)})' for needle in texts.needles)
        # in this order: few cells are worth a call
        counts.append(f'count(*) filter (case when {may} then mentioned("{column}"::varchar) else false end)')
    row = connection.execute(f"select {', '.join(counts)} from {table}").fetchone() or ()
    found = zip(columns, row, strict=True)
    return next((f"column {column}, rows: {count}" for column, count in found if count), None)
