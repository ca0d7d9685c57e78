"""Parquet files: typed values, written as a person would see them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import duckdb
from duckdb.sqltypes import DuckDBPyType

from dagster_project.errors import RefusedFileError
from dagster_project.read import nested
from dagster_project.read.tables import Reject, said_by_duckdb
from dagster_project.sql import text


@dataclass
class ParquetTable:
    """A Parquet file that DuckDB reads in place."""

    path: Path
    columns: list[nested.Column]
    separator: str
    notes: list[str] = field(default_factory=list)
    is_empty: bool = False
    has_unreadable: bool = False

    @property
    def headings(self) -> list[str]:
        """The column names, those of structs with dots."""
        return [column.heading for column in self.columns]

    def relation(self, positions: Collection[int]) -> str:
        """Every value as text; times with a timezone in UTC with a Z."""
        selected = [
            f"{nested.expression(self.columns[at], '', _ACCESS, text(self.separator))} as c{at}"
            for at in sorted(positions)
        ]
        return f"(select {', '.join(selected)} from {_scan(self.path)})"

    def rejects(self) -> list[Reject]:
        """None: a Parquet file is whole, or cannot be read."""
        return []


def open_parquet(connection: duckdb.DuckDBPyConnection, path: Path, separator: str) -> ParquetTable:
    """Reads the schema. Raises RefusedFileError for a file that is damaged."""
    try:
        relation = connection.sql(f"from {_scan(path)}")
    except duckdb.Error as error:
        said = said_by_duckdb(error).replace(f"'{path}'", "it").replace(str(path), "it")
        raise RefusedFileError(f"cannot be read as Parquet: {said} Deliver it again") from None
    record = {name: _node(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    return ParquetTable(path, nested.columns(record), separator)


def _scan(path: Path) -> str:
    return f"read_parquet({text(str(path))}, binary_as_string = true, hive_partitioning = false)"


def _node(kind: DuckDBPyType) -> nested.Node:
    if kind.id == "struct":
        return {name: _node(cast(DuckDBPyType, child)) for name, child in kind.children}
    if kind.id in ("list", "array"):
        return nested.Elements(_node(cast(DuckDBPyType, kind.children[0][1])))
    return nested.Value(str(kind.id))


def _reach(base: str, path: nested.Path) -> str:
    for key in path:
        base = f"struct_extract({base}, {text(key)})" if base else '"' + key.replace('"', '""') + '"'
    return base


def _text_at(base: str, path: nested.Path, kind: str) -> str:
    value = _reach(base, path)
    if kind in ("double", "float"):
        return nested.plain_number(f"cast({value} as varchar)")
    if kind == "timestamp with time zone":
        return f"cast(make_timestamp(epoch_us({value})) as varchar) || 'Z'"
    if kind in ("map", "union", "variant"):
        return f"cast(to_json({value}) as varchar)"
    return f"cast({value} as varchar)"


_ACCESS = nested.Access(_reach, _text_at)
