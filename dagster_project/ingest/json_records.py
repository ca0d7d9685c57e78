"""JSON: a list of objects, an object around one, or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.config.models import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.ingest import nested
from dagster_project.ingest.delimited import forget_rejects, rejected_rows
from dagster_project.ingest.headings import heading_key, known_headings
from dagster_project.ingest.tables import Reject, said_by_duckdb
from dagster_project.sql import text

_MAX_LINE_BYTES = 1 << 24
_SAMPLED_LINES = 200
#: DuckDB merges the structures of so many records at once, in memory.
_MERGED_RECORDS = 1000
#: Control characters must be escaped in JSON, so none of its lines has these: a line is one cell.
_NO_DELIMITER = "\x1f\x1e"


@dataclass
class JsonTable:
    """The records of a JSON file, kept one by one as JSON text in the scratch file `path`."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    columns: list[nested.Column]
    separator: str
    is_empty: bool
    notes: list[str] = field(default_factory=list)
    has_unreadable: bool = False

    @property
    def headings(self) -> list[str]:
        """The keys, those of nested objects with dots, in the order in which they first appear."""
        return [column.heading for column in self.columns]

    def relation(self, positions: Collection[int]) -> str:
        """Every value as text: numbers as a person writes them, lists joined."""
        access = _access(self.separator)
        selected = [
            f"{nested.expression(self.columns[at], 'json', access, text(self.separator))} as c{at}"
            for at in sorted(positions)
        ]
        return f"(select {', '.join(selected or ['1'])} from read_parquet({text(str(self.path))}) where is_record)"

    def rejects(self) -> list[Reject]:
        """What is no JSON object; the first record is row 2, as if there were a header."""
        rows = self.connection.execute(
            f"select file_row_number + 2, json, json_valid(json) from read_parquet({text(str(self.path))}, "
            "file_row_number = true) where not is_record order by 1"
        ).fetchall()
        return [
            Reject(number, None, "is JSON but not an object" if is_json else "is not valid JSON", said)
            for number, said, is_json in rows
        ]


def open_json(
    connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, separator: str, scratch: Path
) -> JsonTable:
    """Takes a UTF-8 JSON file apart into records, in a scratch file.

    Raises RefusedFileError for what is broken as a whole; a broken line of JSON lines is a reject.
    """
    try:
        _write_records(connection, path, feed, scratch)
    except duckdb.Error as error:
        said = said_by_duckdb(error).replace(f'in file "{path}", ', "")
        raise RefusedFileError(
            f"cannot be read as JSON: {said} It may have been cut off; deliver it again, or as JSON lines"
        ) from None
    columns, objects, others = _columns(connection, scratch)
    if others and not objects:
        raise RefusedFileError("is JSON, but not a list of objects with a key for each column")
    return JsonTable(connection, scratch, columns, separator, is_empty=not objects)


def _write_records(connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, target: Path) -> None:
    file = text(str(path))
    first = next(_lines(path), b"")
    if first.startswith(b"["):
        _copy(connection, f"select json from read_json_objects({file}, format = 'array')", target)
        return
    if _is_object(first) and _has_more_lines(path):
        _copy_lines(connection, path, target)
        return
    document = f"read_json_objects({file}, format = 'unstructured', maximum_object_size = {_document_size(path)})"
    try:
        _copy(connection, f"select json from {document}", target)
    except duckdb.Error:
        sample = [_is_object(line) for _, line in zip(range(_SAMPLED_LINES), _lines(path), strict=False)]
        if 2 * sum(sample) < len(sample):
            raise
        _copy_lines(connection, path, target)
        return
    key = _key_of_list(connection, target, feed)
    if key is not None:
        list_in = f"json_extract(json_extract(json, {text(_pointer((key,)))}), '$[*]')"
        _copy(connection, f"select unnest({list_in}) as json from {document}", target)


def _copy(connection: duckdb.DuckDBPyConnection, select: str, target: Path) -> None:
    connection.execute(
        "copy (select cast(json as varchar) as json, coalesce(case when json_valid(json) then "
        f"json_type(json) = 'OBJECT' end, false) as is_record from ({select})) to {text(str(target))} (format parquet)"
    )


def _copy_lines(connection: duckdb.DuckDBPyConnection, path: Path, target: Path) -> None:
    """A line is a record; blank lines are none."""
    forget_rejects(connection)
    _copy(
        connection,
        f"select json from read_csv({text(str(path))}, auto_detect = false, header = false, quote = '', escape = '', "
        f"delim = {text(_NO_DELIMITER)}, strict_mode = false, columns = {{'json': 'VARCHAR'}}, "
        f"max_line_size = {_MAX_LINE_BYTES}, store_rejects = true) where trim(json) != ''",
        target,
    )
    for line, _, message, _ in rejected_rows(connection):
        raise RefusedFileError(f"cannot be read as JSON lines: line {line}: {message}")


def _key_of_list(connection: duckdb.DuckDBPyConnection, target: Path, feed: Feed) -> str | None:
    """The key under which the one object of a file has the list of its records; None if it is a record itself."""
    documents = connection.execute(f"select json from read_parquet({text(str(target))}) limit 2").fetchall()
    if len(documents) != 1 or not documents[0][0].startswith("{"):
        return None
    found = connection.execute(
        f"""
        select key, json_array_length(value), json_type(value, '/0')
        from (
            select unnest(json_keys(json)) as key, unnest(json_extract(json, '$.*')) as value
            from read_parquet({text(str(target))})
        )
        where json_type(value) = 'ARRAY'
        """
    ).fetchall()
    columns, _, _ = _columns(connection, target)
    # nested ones too; what is only in a list is not the record's own
    keys = {heading_key(column.heading) for column in columns if len(column.steps) == 1}
    known = known_headings(feed, ENTITIES[feed.entity].key)
    if any(key in known for key in keys):
        return None
    lists = [key for key, _, kind in found if kind == "OBJECT"]
    if len(lists) > 1:
        raise RefusedFileError(
            f"is a JSON object with several lists of objects ({', '.join(lists)}); deliver the one of its feed alone"
        )
    empty = [key for key, length, _ in found if length == 0]
    return lists[0] if lists else empty[0] if len(empty) == 1 else None


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[list[nested.Column], int, int]:
    """The columns of all records together, how many records there are, and how many things that are none."""
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
    return nested.columns(_record(together)), sum(count for _, count in structures), others[0] if others else 0


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


def _access(separator: str) -> nested.Access:
    """How to get at JSON; `separator` joins a list that stands where other records have a single value."""

    def list_at(base: str, path: nested.Path) -> str:
        inside = f"json_extract({base}, {text(_pointer(path))})" if path else base
        return f"json_extract({inside}, '$[*]')"

    def text_at(base: str, path: nested.Path, kind: str) -> str:
        at = text(_pointer(path)) if path else "'$'"
        value = f"json_extract_string({base}, {at})"
        if kind == "DOUBLE":
            return nested.plain_number(value)
        if kind not in ("JSON", "MIXED"):
            return value
        joined = f"array_to_string(json_extract_string(json_extract({base}, {at}), '$[*]'), {text(separator)})"
        return (
            f"case json_type({base}, {at}) when 'DOUBLE' then {nested.plain_number(value)} "
            f"when 'ARRAY' then {joined} else {value} end"
        )

    return nested.Access(list_at, text_at)


def _pointer(path: nested.Path) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)


def _lines(path: Path) -> Iterator[bytes]:
    """The lines that are not blank; of a very long one its beginning."""
    with path.open("rb") as file:
        while line := file.readline(_MAX_LINE_BYTES):
            if line.strip():
                yield line.strip()


def _has_more_lines(path: Path) -> bool:
    lines = _lines(path)
    next(lines, None)
    return next(lines, None) is not None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _document_size(path: Path) -> int:
    size = path.stat().st_size
    if size >= 2**32 - 1:
        raise RefusedFileError("is one JSON object of more than 4 GB; deliver it as JSON lines")
    return max(size + 1, 1 << 24)
