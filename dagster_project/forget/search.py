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
from dagster_project.forget.texts import Texts

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


def search(folder: Path, texts: Texts, but: tuple[str, ...] = ()) -> Iterator[Place]:
    """Every place under a folder that holds one of the values; of names in `but`, directly below it, nothing."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.relative_to(folder).parts[0] in but:
            continue
        where = mentions(path, texts)
        if where is not None:
            yield Place(path, where)


def mentions(path: Path, texts: Texts) -> str | None:
    """Where a file holds one of the values: a table and column, or just somewhere (empty); None if it does not."""
    if not texts.values:
        return None
    try:
        if path.suffix == ".parquet":
            with duckdb.connect() as connection:
                found = _in_table(connection, f"read_parquet({sql.text(path)})", texts)
        elif path.suffix == ".duckdb":
            found = _in_database(path, texts)
        else:
            found = None
    except duckdb.Error:  # cut off in the middle: only its bytes can be looked at
        found = None
    if found is not None:
        return found
    return "" if any(texts.in_bytes(block) for block in _blocks(path, texts)) else None


def _blocks(path: Path, texts: Texts) -> Iterator[bytes]:
    """A file's bytes, decoded, in pieces that overlap by the longest value."""
    overlap = max(map(len, texts.needles), default=0) * 4
    kept = b""
    with _OPENERS[path.suffix](path) if path.suffix in _OPENERS else path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield kept + block
            kept = block[-overlap:]


def _in_database(path: Path, texts: Texts) -> str | None:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = current_database() order by all"
        ).fetchall()
        for schema, table in tables:
            found = _in_table(connection, f'"{schema}"."{table}"', texts)
            if found is not None:
                return f"{schema}.{table}, {found}"
    return None


def _in_table(connection: duckdb.DuckDBPyConnection, table: str, texts: Texts) -> str | None:
    """The first column of a table that holds a value, and in how many rows."""
    columns = [row[0] for row in connection.execute(f"describe from {table}").fetchall() if "VARCHAR" in row[1].upper()]
    if not columns:
        return None
    needles = sorted({form.lower() for value in texts.values for form in Texts({value: ""}).needles})
    counts = [
        "count(*) filter ("
        + " or ".join(f'contains(lower("{column}"::varchar), {sql.text(needle)})' for needle in needles)
        + ")"
        for column in columns
    ]
    row = connection.execute(f"select {', '.join(counts)} from {table}").fetchone() or ()
    return next((f"column {column}, rows: {count}" for column, count in zip(columns, row, strict=True) if count), None)
