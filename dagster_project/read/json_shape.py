"""JSON objects in a scratch file, one a row: which keys they have, and which of them twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.feeds import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.read import nested
from dagster_project.read.headings import heading_key, known_headings
from dagster_project.sql import text

#: DuckDB merges the structures of so many records at once, in memory.
_MERGED_RECORDS = 1000


@dataclass(frozen=True)
class Shape:
    """The keys of all objects together, how many objects there are, and how many things that are none."""

    record: dict[str, nested.Node]
    objects: int
    others: int


def write_objects(connection: duckdb.DuckDBPyConnection, select: str, target: Path) -> None:
    """Writes the column `json` of a query to a scratch file, with whether each is an object."""
    connection.execute(
        "copy (select cast(json as varchar) as json, coalesce(case when json_valid(json) then "
        f"json_type(json) = 'OBJECT' end, false) as is_record from ({select})) to {text(str(target))} (format parquet)"
    )


def pointer(path: nested.Path) -> str:
    """How DuckDB is told where a value lies in JSON."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)


def shape(connection: duckdb.DuckDBPyConnection, path: Path) -> Shape:
    """What the objects of a scratch file look like."""
    structures = connection.execute(
        f"""
        select
            json_group_structure(cast(json as json)) as structure,
            count(*) as objects
        from read_parquet({text(str(path))}, file_row_number = true)
        where is_record
        group by file_row_number // {_MERGED_RECORDS}
        order by min(file_row_number)
        """
    ).fetchall()
    together: Any = "NULL"
    for structure, _ in structures:
        together = _merged(together, json.loads(structure))
    others = connection.execute(f"select count(*) from read_parquet({text(str(path))}) where not is_record").fetchone()
    return Shape(_record(together), sum(count for _, count in structures), others[0] if others else 0)


def _merged(one: Any, other: Any) -> Any:
    """The structure of two lots of records: the keys of both, and `MIXED` where their values are of two kinds."""
    if one == other or other == "NULL":
        return one
    if one == "NULL":
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        keys = {**one, **other}
        return {key: _merged(one.get(key, "NULL"), other.get(key, "NULL")) for key in keys}
    if isinstance(one, list) and isinstance(other, list):
        return [_merged(one[0], other[0])]
    for empty, full in ((one, other), (other, one)):
        if empty == "JSON" and isinstance(full, dict):  # DuckDB's word for an object without keys
            return full
    return "MIXED"


def _record(structure: Any) -> dict[str, nested.Node]:
    """An object's keys; none where every record is empty."""
    return {key: _node(value) for key, value in structure.items()} if isinstance(structure, dict) else {}


def _node(structure: Any) -> nested.Node:
    if isinstance(structure, dict):
        return _record(structure)
    if isinstance(structure, list):
        return nested.Elements(_node(structure[0]))
    return nested.Value(structure)


# ------------------------------------------------------------------ keys that stand twice in one object


class _Pairs(list[tuple[str, Any]]):
    """An object with all its keys, also those that come again."""


def doubled_keys(connection: duckdb.DuckDBPyConnection, path: Path, found: Shape, feed: Feed) -> list[str]:
    """What to say of keys that stand twice in one object of a scratch file; of a list's elements nothing is asked.

    Raises RefusedFileError where the mapping reads one and its values differ.
    """
    suspects = " or ".join(
        f"len(json_keys(json, {text(at)})) <> list_unique(json_keys(json, {text(at)}))"
        for at in ("$", *map(pointer, _objects(found.record)))
    )
    rows = connection.execute(
        f"select file_row_number + 1, json from read_parquet({text(str(path))}, file_row_number = true) "
        f"where case when is_record then {suspects} end order by 1"
    ).fetchall()
    known = known_headings(feed)
    agreeing: set[str] = set()
    differing: dict[str, list[int]] = {}
    for number, written in rows:
        for heading, one, other in _twice(json.loads(written, object_pairs_hook=_Pairs), ()):
            if repr(one) == repr(other):
                agreeing.add(heading)
                continue
            is_read = heading_key(heading) in known or isinstance(one, list) or isinstance(other, list)
            if is_read or feed.stage_dates or heading in feed.only_when:
                raise RefusedFileError(
                    f"has the key '{heading}' twice in one object (record {number}), with different contents. Remove "
                    "or rename one of them"
                )
            differing.setdefault(heading, []).append(number)
    notes = [f"has the key '{heading}' twice in one object, with the same contents" for heading in sorted(agreeing)]
    return notes + [
        f"has the key '{heading}', which nothing reads, twice in one object with different contents "
        f"(record {numbers[0]})"
        for heading, numbers in sorted(differing.items())
    ]


def _objects(record: dict[str, nested.Node], path: nested.Path = ()) -> Iterator[nested.Path]:
    for key, node in record.items():
        if isinstance(node, dict):
            yield (*path, key)
            yield from _objects(node, (*path, key))


def _twice(pairs: _Pairs, path: nested.Path) -> Iterator[tuple[str, Any, Any]]:
    first: dict[str, Any] = {}
    for key, value in pairs:
        at = (*path, key)
        if key in first:
            yield ".".join(at[1:] if at[0] == "properties" and len(at) > 1 else at), first[key], value
        first.setdefault(key, value)
        if isinstance(value, _Pairs):
            yield from _twice(value, at)
